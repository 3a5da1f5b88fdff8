// Real Chromium pages for compare-seeders: each in a context of its own, all at once, kept from each other.

import { spawn } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import path from 'node:path'
import { barePage, launch } from '../tests/browser/bench/browser.js'
import { folder, MB, noise, sha256 } from '../tests/browser/bench/content.js'
import { eventually } from '../tests/browser/bench/eventually.js'
import { Shoal } from '../tests/browser/bench/shoal.js'

const PATIENCE_MS = 45_000
const LOOK_MS = 100
/** A seeder that used less CPU time than this between two looks has checked its files. */
const QUIET_SECONDS = 0.02
const QUIET_LOOK_MS = 500

const memoryStore = await readFile(path.resolve(import.meta.dirname, '../web/share/memory-store.js'), 'utf8')
const pause = ms => new Promise(resolve => setTimeout(resolve, ms))
const median = values => values.toSorted((a, b) => a - b)[(values.length - 1) >> 1]

/** Makes content of so many megabytes and its torrent. */
export async function contentOf (cleanup, megabytes, shoal) {
  const at = await folder(cleanup)
  const content = path.join(at, 'content.bin')
  const bytes = noise(megabytes * MB)
  await writeFile(content, bytes)
  const torrent = `${content}.torrent`
  await Shoal.run('create', content, '-o', torrent)
  return { folder: at, content, torrent, digest: sha256(bytes), bytes: bytes.length, shoal }
}

/** What /proc tells of a process: CPU seconds and MB of memory. */
async function usage (pid) {
  const [stat, status] = await Promise.all(['stat', 'status'].map(file => readFile(`/proc/${pid}/${file}`, 'utf8')))
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return { cpu: (Number(fields[11]) + Number(fields[12])) / 100, mb: Number(/VmRSS:\s+(\d+) kB/.exec(status)[1]) * 1024 / MB }
}

function start (cleanup, [file, ...args]) {
  const child = spawn(file, args, { stdio: ['pipe', 'ignore', 'pipe'] })
  let told = ''
  child.stderr.setEncoding('utf8').on('data', text => { told = (told + text).slice(-4000) })
  const exit = new Promise(resolve => child.on('close', resolve))
  child.on('error', error => { told = error.message })
  cleanup.after(async () => { child.kill('SIGKILL'); await exit })
  return { pid: child.pid, alive: () => { if (child.exitCode !== null || !child.pid) throw new Error(`the seeder ended: ${told.trim().split('\n').at(-1)}`) } }
}

/** Waits until the seeder has announced, and is done with what it does at its start. */
async function settled (seeder, tracker) {
  const stats = new URL('/stats.json', tracker.replace('ws', 'http'))
  await eventually('the seeder announces', PATIENCE_MS, async () => {
    seeder.alive()
    return (await (await fetch(stats)).json()).peersSeederOnly > 0
  })
  let before = await usage(seeder.pid)
  await eventually('the seeder is quiet', PATIENCE_MS, async () => {
    await pause(QUIET_LOOK_MS)
    const after = await usage(seeder.pid)
    const quiet = after.cpu - before.cpu < QUIET_SECONDS
    before = after
    return quiet
  })
  return before
}

async function webSeed (cleanup, content) {
  const port = await new Promise(resolve => {
    const server = createServer().listen(0, '127.0.0.1', () => { const { port } = server.address(); server.close(() => resolve(port)) })
  })
  const file = path.join(content.folder, 'nginx.conf')
  const cors = 'add_header Access-Control-Allow-Origin *; add_header Access-Control-Allow-Headers "cache-control, range";'
  await writeFile(file, `daemon off; master_process off; pid ${content.folder}/nginx.pid; error_log stderr;
events {}
http { access_log off; sendfile on;
  server { listen 127.0.0.1:${port}; root ${content.folder}; location / { ${cors} if ($request_method = OPTIONS) { ${cors} return 204; } } } }
`)
  const url = `http://127.0.0.1:${port}/content.bin`
  const server = start(cleanup, ['nginx', '-p', content.folder, '-c', file])
  await eventually('nginx listens', PATIENCE_MS, () => { server.alive(); return fetch(url, { method: 'HEAD' }).then(({ ok }) => ok, () => false) })
  return { server, url }
}

/** Runs in a page before anything else: turns away offers of other pages, so that each has the seeder alone. */
function isolate () {
  globalThis.WebSocket = class extends WebSocket {
    constructor (...args) {
      super(...args)
      this.addEventListener('message', event => {
        const text = typeof event.data === 'string' ? event.data : new TextDecoder().decode(event.data)
        const { offer, peer_id: from } = JSON.parse(text)
        if (offer && from.startsWith('-WW')) event.stopImmediatePropagation()
      })
    }
  }
}

/** In the page: downloads and resolves with what came of it, in milliseconds after the torrent was added. */
async function leech ({ source, memoryStore, urlList }) {
  const { MemoryStore } = await import(`data:text/javascript,${encodeURIComponent(memoryStore)}`)
  const client = new globalThis.WebTorrent({ tracker: { rtcConfig: { iceServers: [] } } })
  const added = performance.now()
  const after = () => performance.now() - added
  const torrent = client.add(typeof source === 'string' ? source : new Uint8Array(source), { store: MemoryStore, urlList })
  const result = {}
  torrent.once('metadata', () => { result.metadataMs = after() })
  torrent.once('verified', () => { result.firstPieceMs = after() })
  await new Promise((resolve, reject) => {
    torrent.once('done', resolve)
    torrent.once('error', reject)
  })
  result.doneMs = after()
  const met = torrent.wires.filter(wire => wire.peerId?.startsWith('2d5757')).length
  if (met > 0) throw new Error('pages have met each other')
  const digest = await crypto.subtle.digest('SHA-256', await torrent.files[0].arrayBuffer())
  result.digest = Array.from(new Uint8Array(digest), byte => byte.toString(16).padStart(2, '0')).join('')
  return result
}

async function open (browser, bare) {
  const page = await (await browser.newContext()).newPage()
  await page.addInitScript(isolate)
  await page.goto(bare)
  await page.waitForFunction(() => globalThis.WebTorrent)
  return page
}

/** Has pages download from the seeder, and tells what came of it and what it cost. */
export async function download (cleanup, seeder, load, content) {
  const bare = await barePage(cleanup)
  let process, idle, source, urlList
  if (seeder.webSeed) {
    const { server, url } = await webSeed(cleanup, content)
    process = server
    idle = await usage(server.pid)
    urlList = [url]
    source = [...await readFile(content.torrent)]
  } else {
    const { ready } = await Shoal.tracker(cleanup)
    process = start(cleanup, seeder.command({ ...content, tracker: ready.tracker }))
    idle = await settled(process, ready.tracker)
    const magnet = `${(await Shoal.run('magnet', content.torrent)).replace(/&(tr|xs|ws)=[^&]*/g, '')}&tr=${encodeURIComponent(ready.tracker)}`
    const torrent = `${content.torrent}.page`
    await Shoal.run('create', content.content, '-o', torrent, '--announce', ready.tracker)
    source = load.magnet ? magnet : [...await readFile(torrent)]
  }
  const browser = await launch(cleanup)
  const pages = await Promise.all(Array.from({ length: load.pages }, () => open(browser, bare)))
  let peak = idle.mb
  const looking = setInterval(() => usage(process.pid).then(({ mb }) => { peak = Math.max(peak, mb) }, () => {}), LOOK_MS)
  cleanup.after(() => clearInterval(looking))
  const began = performance.now()
  const late = pause(PATIENCE_MS).then(() => null)
  const came = pages.map(page => Promise.race([page.evaluate(leech, { source, memoryStore, urlList }), late]))
  const results = await Promise.all(came)
  const seconds = (performance.now() - began) / 1000
  const spent = (await usage(process.pid)).cpu - idle.cpu
  const done = results.filter(result => result !== null)
  if (done.length === 0) throw new Error('no page has it all in time')
  const wrong = done.find(({ digest }) => digest !== content.digest)
  if (wrong) throw new Error('a page has other bytes than the seeder')
  const last = Math.max(...done.map(({ doneMs }) => doneMs)) / 1000
  const gigabytes = done.length * content.bytes / 1e9
  return {
    done: done.length,
    mbPerSecond: done.length * content.bytes / MB / (done.length < pages.length ? seconds : last),
    pageMbPerSecond: median(done.map(({ doneMs }) => content.bytes / MB / (doneMs / 1000))),
    firstPieceMs: median(done.map(({ firstPieceMs }) => firstPieceMs)),
    metadataMs: median(done.map(({ metadataMs }) => metadataMs)),
    cpuPerGb: spent / gigabytes,
    idleMb: idle.mb,
    peakMb: peak,
    mbAPage: (peak - idle.mb) / pages.length
  }
}
