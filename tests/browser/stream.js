// Measures in one Chromium page how soon a film shows and how soon it goes on after a seek, with our seeder and with libtorrent as the
// seeder, and with webtorrent.js's own store and one in memory:
//   SHOAL_BIN=target/release/shoal npm run stream -- [MB] [RUNS]
// Medians in milliseconds; the first run of each warms up and does not count.

import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'
import { barePage, launch } from './bench/browser.js'
import { folder, MB, stretch } from './bench/content.js'
import { Libtorrent } from './bench/libtorrent.js'
import { Shoal } from './bench/shoal.js'

const [megabytes = 100, runs = 5] = process.argv.slice(2).map(Number)
const PATIENCE_MS = 60_000
const clip = path.resolve(import.meta.dirname, '../../torrents/clip.mp4')
const memoryStore = await readFile(path.resolve(import.meta.dirname, '../../web/share/memory-store.js'), 'utf8')

const median = values => values.toSorted((a, b) => a - b)[values.length >> 1]

const seeders = {
  shoal: (context, { film, tracker }) => Shoal.seed(context, film, tracker),
  libtorrent: (context, { film, torrent }) => new Libtorrent(context, torrent, path.dirname(film)).announced('started'),
}

for (const [name, seed] of Object.entries(seeders)) {
  for (const store of ['memory', 'own store']) {
    test(`${megabytes} MB of film from ${name}, ${store}`, async context => {
      const film = path.join(await folder(context), 'film.mp4')
      await stretch(clip, film, megabytes * MB)
      const { ready } = await Shoal.tracker(context)
      const torrent = `${film}.torrent`
      await Shoal.run('create', film, '-o', torrent, '--announce', ready.tracker)
      await seed(context, { film, torrent, tracker: ready.tracker })
      const browser = await launch(context)
      const bare = await barePage(context)
      const source = [...await readFile(torrent)]
      const figures = []
      for (let run = 0; run <= runs; run += 1) figures.push(await watch(browser, bare, { source, inMemory: store === 'memory' }))
      const of = what => Math.round(median(figures.slice(1).map(figure => figure[what])))
      context.diagnostic(`first frame ${of('firstFrame')} ms, after a seek ${of('seek')} ms`)
    })
  }
}

async function watch(browser, bare, { source, inMemory }) {
  const context = await browser.newContext()
  try {
    const page = await context.newPage()
    await page.goto(bare)
    await page.waitForFunction(() => globalThis.WebTorrent)
    return await page.evaluate(run, { source, inMemory, memoryStore, patience: PATIENCE_MS })
  } finally {
    await context.close()
  }
}

/** In the page: plays the film from its start and from three quarters of it. */
async function run({ source, inMemory, memoryStore, patience }) {
  const { MemoryStore } = await import(`data:text/javascript,${encodeURIComponent(memoryStore)}`)
  await navigator.serviceWorker.register('sw.min.js')
  const controller = await navigator.serviceWorker.ready
  const client = new globalThis.WebTorrent({ tracker: { rtcConfig: { iceServers: [] } } })
  client.createServer({ controller })
  const video = document.body.appendChild(Object.assign(document.createElement('video'), { muted: true, preload: 'auto' }))
  const frame = () => new Promise((resolve, reject) => {
    video.requestVideoFrameCallback(resolve)
    setTimeout(() => reject(new Error(`no frame at ${video.currentTime} s`)), patience)
  })
  const added = performance.now()
  const torrent = client.add(new Uint8Array(source), inMemory ? { store: MemoryStore } : {})
  await new Promise(resolve => torrent.once('ready', resolve))
  torrent.files[0].streamTo(video)
  await frame()
  const firstFrame = performance.now() - added
  const asked = performance.now()
  video.currentTime = video.duration * 0.75
  await new Promise(resolve => video.addEventListener('seeked', resolve, { once: true }))
  const seek = performance.now() - asked
  await new Promise(resolve => client.destroy(resolve))
  return { firstFrame, seek }
}
