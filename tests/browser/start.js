// Measures the start of a download in one Chromium page, step by step, from a fresh `shoal share` on this machine:
//   SHOAL_BIN=target/release/shoal npm run start -- [MB] [RUNS]
// Prints, for a .torrent and a magnet link and for webtorrent.js's own store and one in memory, the medians in
// milliseconds after the page adds the torrent. The first run of each warms the browser up and does not count.

import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'
import { barePage, launch } from './bench/browser.js'
import { folder, MB, noise } from './bench/content.js'
import { Shoal } from './bench/shoal.js'
import { timeline } from './bench/timeline.js'

const [megabytes = 20, runs = 5] = process.argv.slice(2).map(Number)
const PATIENCE_MS = 60_000
const memoryStore = await readFile(path.resolve(import.meta.dirname, '../../web/share/memory-store.js'), 'utf8')

const median = values => values.toSorted((a, b) => a - b)[values.length >> 1]

test('the start of a download', async context => {
  const content = path.join(await folder(context), 'content.bin')
  await writeFile(content, noise(megabytes * MB))
  const shoal = await Shoal.share(context, content)
  const browser = await launch(context)
  const bare = await barePage(context)
  const file = [...new Uint8Array(await (await fetch(new URL(shoal.ready.torrent, shoal.ready.page))).arrayBuffer())]
  const magnet = shoal.ready.magnet.replace(/&xs=[^&]*/, '')
  for (const [kind, source] of [['.torrent', file], ['magnet', magnet]]) {
    for (const store of ['own store', 'memory']) {
      const times = {}
      for (let run = 0; run <= runs; run += 1) {
        const steps = await start(browser, bare, source, store)
        if (run > 0) for (const [step, at] of Object.entries(steps)) (times[step] ??= []).push(at)
      }
      const rows = Object.entries(times).map(([step, all]) => [Math.round(median(all)), step, all.length]).sort(([a], [b]) => a - b)
      context.diagnostic(`${kind}, ${store}`)
      for (const [at, step, count] of rows) context.diagnostic(`${String(at).padStart(6)}  ${step}${count < runs ? ` (${count} of ${runs})` : ''}`)
    }
  }
})

async function start(browser, bare, source, store) {
  const context = await browser.newContext()
  try {
    const page = await context.newPage()
    await page.addInitScript(timeline)
    await page.goto(bare)
    await page.waitForFunction(() => globalThis.WebTorrent)
    return await page.evaluate(run, { source, inMemory: store === 'memory', memoryStore, patience: PATIENCE_MS })
  } finally {
    await context.close()
  }
}

/** In the page: adds the torrent and resolves with the steps once a piece is verified. */
async function run({ source, inMemory, memoryStore, patience }) {
  const { MemoryStore } = await import(`data:text/javascript,${encodeURIComponent(memoryStore)}`)
  const client = new globalThis.WebTorrent({ tracker: { rtcConfig: { iceServers: [] } } })
  for (const step of Object.keys(globalThis.timeline)) delete globalThis.timeline[step]
  const added = performance.now()
  const torrent = client.add(typeof source === 'string' ? source : new Uint8Array(source), inMemory ? { store: MemoryStore } : {})
  for (const event of ['metadata', 'ready', 'wire']) torrent.once(event, () => globalThis.note(`webtorrent.js: ${event}`))
  await new Promise((resolve, reject) => {
    torrent.once('verified', resolve)
    torrent.once('error', reject)
    setTimeout(() => reject(new Error(`nothing verified after ${JSON.stringify(globalThis.timeline)}`)), patience)
  })
  globalThis.note('first piece verified')
  const steps = Object.fromEntries(Object.entries(globalThis.timeline).map(([step, at]) => [step, at - added]))
  // A page that only vanishes keeps its slot for some seconds, and the next ones would wait for theirs.
  await new Promise(resolve => client.destroy(resolve))
  return steps
}
