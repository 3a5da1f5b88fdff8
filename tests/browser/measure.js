// Measures one Chromium page that downloads from a fresh `shoal share` on this machine, a few times over:
//   SHOAL_BIN=target/release/shoal npm run measure -- [MB] [RUNS]

import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'
import { barePage, join, launch, openBare } from './bench/browser.js'
import { folder, MB, noise } from './bench/content.js'
import { Shoal } from './bench/shoal.js'

const [megabytes = 100, runs = 3] = process.argv.slice(2).map(Number)
const PATIENCE_MS = 300_000

for (let run = 1; run <= runs; run += 1) {
  test(`${megabytes} MB to one page, run ${run}`, async context => {
    const content = path.join(await folder(context), 'content.bin')
    await writeFile(content, noise(megabytes * MB, run))
    const shoal = await Shoal.share(context, content)
    const page = await openBare(await launch(context), await barePage(context))
    const before = await shoal.cpuSeconds()
    await join(page, shoal.ready.magnet.replace(/&xs=[^&]*/, ''))
    await page.waitForFunction(() => globalThis.doneAfter, null, { timeout: PATIENCE_MS, polling: 100 })
    const { firstPieceAfter, doneAfter } = await page.evaluate(() => ({ firstPieceAfter: globalThis.firstPieceAfter, doneAfter: globalThis.doneAfter }))
    const cpu = await shoal.cpuSeconds() - before
    context.diagnostic([
      `magnet to first verified piece ${Math.round(firstPieceAfter)} ms`,
      `${(megabytes * 1000 / (doneAfter - firstPieceAfter)).toFixed(1)} MB/s`,
      `seeder ${(cpu * 1000 / megabytes).toFixed(1)} CPU s/GB, ${Math.round(await shoal.resident() / MB)} MB resident`,
    ].join(', '))
  })
}
