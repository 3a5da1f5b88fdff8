// Measures what one Chromium page gets from a seeder that is far away, ours and libtorrent's, over a way of a given round trip and
// loss between two network namespaces:
//   sudo SHOAL_BIN=target/release/shoal npm run distance -- [RUNS] [MB]
// Medians in MB/s, from the first verified piece to the last or until a piece was verified 15 s after the first.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'
import { launchBy, openBareWithin } from './bench/browser.js'
import { folder, MB, noise } from './bench/content.js'
import { Libtorrent } from './bench/libtorrent.js'
import { namespaces, refusal } from './bench/network.js'
import { Shoal } from './bench/shoal.js'

const [runs = 1, megabytes = 100] = process.argv.slice(2).map(Number)
const WAYS = [[20, 0], [50, 0], [100, 0], [20, 0.1], [50, 0.1], [50, 1]]
const LONGEST_MS = 15_000
const START_MS = 60_000
const median = values => values.toSorted((a, b) => a - b)[values.length >> 1]
const memoryStore = await readFile(path.resolve(import.meta.dirname, '../../web/share/memory-store.js'), 'utf8')

const seeders = {
  shoal: (context, { by, content, tracker, address }) => Shoal.startBy(by, context, 'seed', content, '--tracker', tracker, '--rtc-listen', `${address}:0`),
  libtorrent: (context, { by, content, torrent }) => new Libtorrent(context, torrent, path.dirname(content), { prefix: by }).announced('started'),
}

for (const [rtt, loss] of WAYS) {
  for (const [name, seed] of Object.entries(seeders)) {
    test(`${rtt} ms, ${loss} % lost, from ${name}`, { skip: refusal() ?? false }, async context => {
      const rates = []
      for (let run = 0; run < runs; run += 1) await context.test(`run ${run + 1}`, async one => { rates.push(await rate(one, seed, rtt, loss)) })
      context.diagnostic(`${median(rates).toFixed(2)} MB/s`)
    })
  }
}

async function rate(context, seed, rtt, loss) {
  const [server, client] = namespaces(context, 'server', 'client')
  const address = '198.51.100.1'
  await far(context, rtt, loss, [server.name, `${address}/24`, client.name, '198.51.100.2/24'])
  const content = path.join(await folder(context), 'content.bin')
  await writeFile(content, noise(megabytes * MB))
  const { ready } = await Shoal.startBy(server.within, context, 'tracker', '--listen', `${address}:0`)
  const torrent = `${content}.torrent`
  await Shoal.run('create', content, '-o', torrent, '--announce', ready.tracker)
  await seed(context, { by: server.within, content, torrent, tracker: ready.tracker, address })
  const page = await openBareWithin(await launchBy(client.within, context, path.dirname(content)))
  return await page.evaluate(download, { source: [...await readFile(torrent)], memoryStore, longest: LONGEST_MS, patience: START_MS })
}

async function far(context, rtt, loss, ends) {
  const way = spawn('python3', [path.resolve(import.meta.dirname, 'bench/delay.py'), String(rtt), String(loss / 2), ...ends], { stdio: ['pipe', 'pipe', 'inherit'] })
  context.after(() => { way.stdin.end() })
  await once(way.stdout, 'data')
}

/** In the page: MB/s. */
async function download({ source, memoryStore, longest, patience }) {
  const { MemoryStore } = await import(`data:text/javascript,${encodeURIComponent(memoryStore)}`)
  const client = new globalThis.WebTorrent({ tracker: { rtcConfig: { iceServers: [] } } })
  const torrent = client.add(new Uint8Array(source), { store: MemoryStore })
  const event = (name, ms) => new Promise((resolve, reject) => {
    torrent.once(name, resolve)
    setTimeout(() => reject(new Error(`no ${name} in ${ms} ms`)), ms)
  })
  await event('verified', patience)
  const [start, before] = [performance.now(), torrent.downloaded]
  await Promise.race([event('done', longest).catch(() => {}), new Promise(resolve => setTimeout(resolve, longest))])
  return (torrent.downloaded - before) / 1000 / (performance.now() - start)
}
