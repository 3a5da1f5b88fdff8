// Measures how long a download in one Chromium page stands still when its seeder ends and is started again at once: after SIGTERM,
// after SIGKILL, and beside it libtorrent after SIGKILL:
//   SHOAL_BIN=target/release/shoal npm run restart -- [MB] [RUNS]
// The longest time without a byte from the signal to the end of the download, in milliseconds: median, least and most.

import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'
import { barePage, join, launch, openBare } from './bench/browser.js'
import { folder, MB, noise } from './bench/content.js'
import { Libtorrent } from './bench/libtorrent.js'
import { Shoal } from './bench/shoal.js'

const [megabytes = 200, runs = 3] = process.argv.slice(2).map(Number)
const PATIENCE_MS = 120_000

const endings = {
  'shoal, SIGTERM': { start: startShoal, end: seeder => seeder.stop() },
  'shoal, SIGKILL': { start: startShoal, end: seeder => seeder.kill() },
  'libtorrent, SIGKILL': { start: startLibtorrent, end: peer => peer.kill() },
}

function startShoal(context, { content, tracker }) {
  return Shoal.seed(context, content, tracker)
}

async function startLibtorrent(context, { content, torrent }) {
  const peer = new Libtorrent(context, torrent, path.dirname(content))
  await peer.announced('started')
  return peer
}

for (const [name, { start, end }] of Object.entries(endings)) {
  test(name, async context => {
    const times = []
    for (let run = 0; run < runs; run += 1) times.push(await stall(context, start, end))
    times.sort((a, b) => a - b)
    context.diagnostic(`${name}: ${times[times.length >> 1]} ms (${times[0]} to ${times.at(-1)})`)
  })
}

async function stall(context, start, end) {
  const content = path.join(await folder(context), 'content.bin')
  await writeFile(content, noise(megabytes * MB))
  const tracker = await Shoal.tracker(context)
  const torrent = `${content}.torrent`
  await Shoal.run('create', content, '-o', torrent, '--announce', tracker.ready.tracker)
  const shared = { content, torrent, tracker: tracker.ready.tracker }
  const seeder = await start(context, shared)
  const browser = await launch(context)
  const page = await openBare(browser, await barePage(context))
  await join(page, await Shoal.run('magnet', torrent))
  await page.waitForFunction(() => globalThis.torrent.progress > 0.1, null, { timeout: PATIENCE_MS, polling: 20 })
  await page.evaluate(watch)
  await end(seeder)
  const next = await start(context, shared)
  await page.waitForFunction(() => globalThis.torrent.done, null, { timeout: PATIENCE_MS, polling: 100 })
  const longest = Math.round(await page.evaluate(() => globalThis.longest))
  await browser.close()
  await next.kill()
  await tracker.kill()
  return longest
}

/** In the page: notes the longest time between two arrivals from now on. */
function watch() {
  globalThis.longest = 0
  let last = performance.now()
  globalThis.torrent.on('download', () => {
    const now = performance.now()
    globalThis.longest = Math.max(globalThis.longest, now - last)
    last = now
  })
}
