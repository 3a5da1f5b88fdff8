// libtorrent, which qBittorrent and others are made of: it downloads from us, and gives to browsers, through our tracker.

import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { suite, test } from 'node:test'
import { barePage, finished, join, launch, openBare } from './bench/browser.js'
import { folder, noise, sha256, sha256OfFile, tree } from './bench/content.js'
import { Libtorrent } from './bench/libtorrent.js'
import { Shoal } from './bench/shoal.js'

const PATIENCE_MS = 120_000

/** Makes a .torrent of `content`, for a tracker of the test's own: `{tracker, torrent, magnet}`. */
async function published(context, content) {
  const tracker = await Shoal.tracker(context)
  const torrent = path.join(await folder(context), 'made.torrent')
  await Shoal.run('create', content, '-o', torrent, '--announce', tracker.ready.tracker)
  return { tracker, torrent, magnet: await Shoal.run('magnet', torrent) }
}

suite('libtorrent', () => {
  for (const kind of ['magnet', 'torrent']) {
    test(`downloads from the seeder by its ${kind}`, async context => {
      const bytes = noise(2_000_003, 31)
      const content = path.join(await tree(context, { 'content.bin': bytes }), 'content.bin')
      const { tracker, [kind]: source } = await published(context, content)
      await Shoal.seed(context, content, tracker.ready.tracker)
      const into = await folder(context)
      const leecher = new Libtorrent(context, source, into)
      await leecher.finished()
      assert.equal(await sha256OfFile(path.join(into, 'content.bin')), sha256(bytes))
      await leecher.announced('completed')
    })

    test(`seeds to a browser that has the ${kind}`, async context => {
      const bytes = noise(1_000_001, 32)
      const at = await tree(context, { 'content.bin': bytes })
      const { torrent, [kind]: source } = await published(context, path.join(at, 'content.bin'))
      await new Libtorrent(context, torrent, at).announced('started')
      const page = await openBare(await launch(context), await barePage(context))
      await join(page, kind === 'magnet' ? source : await readFile(source))
      assert.deepEqual(await finished(page, PATIENCE_MS), { 'content.bin': sha256(bytes) })
    })
  }

  test('announces that it is paused (BEP 21), and is not turned away', async context => {
    const at = await tree(context, { 'a.bin': noise(200_000, 33), 'b.bin': noise(300_000, 34) })
    const { tracker, torrent } = await published(context, at)
    await Shoal.seed(context, at, tracker.ready.tracker)
    const peer = new Libtorrent(context, torrent, await folder(context), { skip: 1 })
    await peer.finished()
    peer.announce()
    await peer.announced('paused')
    const { peersLeecherOnly } = await (await fetch(`http://${tracker.address}/stats.json`)).json()
    assert.equal(peersLeecherOnly, 1)
  })
})
