// A public seeder, and a leecher behind a router that translates its address.

import assert from 'node:assert/strict'
import path from 'node:path'
import { test } from 'node:test'
import { folder, noise, sha256, sha256OfFile, tree } from './bench/content.js'
import { Libtorrent } from './bench/libtorrent.js'
import { natted, refusal } from './bench/network.js'
import { Shoal } from './bench/shoal.js'

test('a leecher behind NAT downloads from a public seeder', { skip: refusal() ?? false }, async context => {
  const { outside, inside, address } = natted(context)
  const bytes = noise(3_000_001, 51)
  const content = path.join(await tree(context, { 'content.bin': bytes }), 'content.bin')
  const { ready } = await Shoal.startBy(outside, context, 'share', content, '--listen', `${address}:0`, '--rtc-listen', `${address}:0`)
  const into = await folder(context)
  const leecher = new Libtorrent(context, ready.magnet.replace(/&xs=[^&]*/, ''), into, { prefix: inside })
  await leecher.finished()
  assert.equal(await sha256OfFile(path.join(into, 'content.bin')), sha256(bytes))
})
