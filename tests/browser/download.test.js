// A page of one's own, webtorrent.js and a link: what arrives is what was shared.

import assert from 'node:assert/strict'
import path from 'node:path'
import { suite, test } from 'node:test'
import { barePage, finished, join, launch, openBare } from './bench/browser.js'
import { MB, noise, sha256, tree } from './bench/content.js'
import { Shoal } from './bench/shoal.js'

const PIECE = 16_384
const PATIENCE_MS = 120_000

const single = {
  'one byte': { 'byte.bin': noise(1) },
  'exact multiple of the piece length': { 'even.bin': noise(PIECE * 64, 2) },
  '50 MB': { 'large.bin': noise(50 * MB, 3) },
  'a name that URLs and markup would take apart': { 'ä b #1 100% <i>&"q"?.bin': noise(100_001, 4) },
}

const folders = {
  'a folder with an empty file and deep names': {
    'top.txt': noise(40_000, 5),
    'empty.dat': Buffer.alloc(0),
    'sub dir/日本語 #2.bin': noise(PIECE * 3 + 7, 6),
    'sub dir/deeper/50%/x.bin': noise(1, 7),
  },
}

async function expectDownload(context, content, expected, via) {
  const shoal = await Shoal.share(context, content)
  const browser = await launch(context)
  const page = await openBare(browser, await barePage(context))
  const source = via === 'magnet'
    ? shoal.ready.magnet.replace(/&xs=[^&]*/, '')
    : new Uint8Array(await (await fetch(shoal.ready.torrent)).arrayBuffer())
  await join(page, source)
  assert.deepEqual(await finished(page, PATIENCE_MS), expected)
}

suite('a browser downloads from shoal', () => {
  for (const via of ['magnet', '.torrent']) {
    for (const [what, files] of Object.entries(single)) {
      test(`${what}, by ${via}`, async context => {
        const [[name, bytes]] = Object.entries(files)
        const at = await tree(context, files)
        await expectDownload(context, path.join(at, name), { [name]: sha256(bytes) }, via)
      })
    }
    for (const [what, files] of Object.entries(folders)) {
      test(`${what}, by ${via}`, async context => {
        const root = 'a folder #%'
        const at = await tree(context, Object.fromEntries(Object.entries(files).map(([name, bytes]) => [`${root}/${name}`, bytes])))
        const expected = Object.fromEntries(Object.entries(files).map(([name, bytes]) => [`${root}/${name}`, sha256(bytes)]))
        await expectDownload(context, path.join(at, root), expected, via)
      })
    }
  }
})
