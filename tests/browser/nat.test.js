// Seeders and leechers behind routers that translate their addresses.

import assert from 'node:assert/strict'
import path from 'node:path'
import { test } from 'node:test'
import { finished, join, launchBy, openBareWithin } from './bench/browser.js'
import { LOGIN, lacking, turnserver } from './bench/coturn.js'
import { folder, noise, sha256, sha256OfFile, tree } from './bench/content.js'
import { Libtorrent } from './bench/libtorrent.js'
import { eventually } from './bench/eventually.js'
import { ANOTHER, apart, KEPT, natted, refusal } from './bench/network.js'
import { Shoal } from './bench/shoal.js'

const PATIENCE_MS = 60_000

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

test('a page whose network drops UDP downloads over TCP', { skip: refusal() ?? false }, async context => {
  const { outside, inside, address } = natted(context, { udp: false })
  const bytes = noise(3_000_001, 53)
  const content = path.join(await tree(context, { 'content.bin': bytes }), 'content.bin')
  const tracker = await Shoal.startBy(outside, context, 'tracker', '--listen', `${address}:0`)
  const seeder = await Shoal.startBy(outside, context, 'seed', content, '--tracker', tracker.ready.tracker, '--rtc-listen', `${address}:0`, '--ice-tcp')
  const page = await openBareWithin(await launchBy(inside, context, path.dirname(content)))
  await join(page, seeder.ready.magnet)
  assert.deepEqual(await finished(page, PATIENCE_MS), { 'content.bin': sha256(bytes) })
})

const need = { skip: refusal() ?? lacking() ?? false }

test('a leecher and a seeder behind routers that keep ports meet, with what a STUN server tells them', need, async context => {
  const { log, seeder } = await meet(context, KEPT, address => ['--stun', address])
  assert.match(seeder.ready.mapped, /^198\.51\.100\.1:/)
  assert.doesNotMatch(log(), /ALLOCATE processed/)
  await seeder.stop()
})

test('a leecher and a seeder behind routers that change ports meet at a TURN server', need, async context => {
  const { log, seeder } = await meet(context, ANOTHER, address => ['--turn', `${LOGIN}@${address}`])
  assert.match(seeder.ready.relayed, /^198\.51\.100\.2:/)
  assert.match(log(), /CHANNEL_BIND processed, success/)
  await seeder.stop()
  await eventually('the relay is given back', 5_000, () => /refreshed, realm=<shoal\.test>, username=<shoal>, lifetime=0/.test(log()))
})

/** Has a leecher download from a seeder behind routers that treat `ports` so; `servers` gives the seeder's arguments for a server. */
async function meet(context, ports, servers) {
  const { outside, one, other, address } = apart(context, ports)
  const log = await turnserver(context, outside, address)
  const bytes = noise(3_000_001, 52)
  const content = path.join(await tree(context, { 'content.bin': bytes }), 'content.bin')
  const tracker = await Shoal.startBy(outside, context, 'tracker', '--listen', `${address}:0`)
  const seeder = await Shoal.startBy(one, context, 'seed', content, '--tracker', tracker.ready.tracker, ...servers(address))
  const into = await folder(context)
  // It learns its own public address there, and does not relay.
  const settings = `LIBTORRENT_SETTINGS=${JSON.stringify({ webtorrent_stun_server: `${address}:3478` })}`
  const leecher = new Libtorrent(context, seeder.ready.magnet, into, { prefix: [...other, 'env', settings] })
  await leecher.finished()
  assert.equal(await sha256OfFile(path.join(into, 'content.bin')), sha256(bytes))
  return { log, seeder }
}
