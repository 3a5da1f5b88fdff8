// The client of the npm package bittorrent-tracker, which webtorrent.js uses, against our tracker.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { register } from 'node:module'
import { suite, test } from 'node:test'
import { promisify } from 'node:util'
import { eventually } from './bench/eventually.js'
import { Shoal } from './bench/shoal.js'

// The package insists on a native WebRTC module. No connection is made here: announces
// ask for no peers, and the browser tests cover offers and answers.
register(`data:text/javascript,${encodeURIComponent(`
  export const resolve = (specifier, context, next) => specifier === 'webrtc-polyfill'
    ? { url: 'data:text/javascript,export const RTCPeerConnection = class {}, RTCSessionDescription = class {}, RTCIceCandidate = class {}; export default {}', shortCircuit: true }
    : next(specifier, context)`)}`)
const { default: Client } = await import(import.meta.resolve('bittorrent-tracker/client'))

const INFO_HASH = 'ac'.repeat(20)
const PATIENCE = { signal: AbortSignal.timeout(60_000) }

function client(context, announce, id, left, infoHash = INFO_HASH) {
  const made = new Client({
    announce, infoHash, peerId: Buffer.from(`-TT0001-${id.padStart(12, '0')}`), port: 6881,
    getAnnounceOpts: () => ({ numwant: 0, left }),
  })
  made.on('error', error => { throw error })
  context.after(() => destroyed(made))
  return made
}

async function numbers(address) {
  const { torrents, peersAll, peersSeederOnly, peersLeecherOnly } = await (await fetch(`http://${address}/stats.json`)).json()
  const [, sockets] = /^shoal_tracker_sockets (\d+)$/m.exec(await (await fetch(`http://${address}/metrics`)).text())
  return { torrents, peersAll, peersSeederOnly, peersLeecherOnly, sockets: Number(sockets) }
}

// A second call of it would never come back.
const destroyed = each => each.destroyed || new Promise(done => each.destroy(done))

const counts = ([{ complete, incomplete, infoHash }]) => ({ complete, incomplete, infoHash })

suite('the reference client', () => {
  test('announces, completes, scrapes and stops as with its own server', async context => {
    const { ready } = await Shoal.tracker(context)
    const seeder = client(context, ready.tracker, 'seeder', 0)
    const leecher = client(context, ready.tracker, 'leecher', 1000)
    seeder.start()
    assert.deepEqual(counts(await once(seeder, 'update', PATIENCE)), { complete: 1, incomplete: 0, infoHash: INFO_HASH })
    leecher.start()
    assert.deepEqual(counts(await once(leecher, 'update', PATIENCE)), { complete: 1, incomplete: 1, infoHash: INFO_HASH })
    leecher.complete()
    assert.deepEqual(counts(await once(leecher, 'update', PATIENCE)), { complete: 2, incomplete: 0, infoHash: INFO_HASH })
    seeder.scrape()
    const [{ complete, incomplete, downloaded, infoHash }] = await once(seeder, 'scrape', PATIENCE)
    assert.deepEqual({ complete, incomplete, downloaded, infoHash }, { complete: 2, incomplete: 0, downloaded: 1, infoHash: INFO_HASH })
    leecher.stop()
    await once(leecher, 'update', PATIENCE)
    seeder.update()
    assert.deepEqual(counts(await once(seeder, 'update', PATIENCE)), { complete: 1, incomplete: 0, infoHash: INFO_HASH })
  })

  test('has several torrents and several peer ids on one socket, scrapes them, and is destroyed one by one', async context => {
    const { ready, address } = await Shoal.tracker(context)
    const hashes = ['a1', 'b2', 'c3'].map(byte => byte.repeat(20))
    // In one process all clients of one URL share a socket.
    const clients = hashes.flatMap(hash => [client(context, ready.tracker, 'seeder', 0, hash), client(context, ready.tracker, 'leecher', 7, hash)])
    for (const each of clients) {
      each.start()
      await once(each, 'update', PATIENCE)
    }
    const all = { torrents: 3, peersAll: 6, peersSeederOnly: 3, peersLeecherOnly: 3, sockets: 1 }
    assert.deepEqual(await numbers(address), all)

    const one = await promisify(Client.scrape)({ announce: ready.tracker, infoHash: hashes[0] })
    assert.deepEqual([one.complete, one.incomplete, one.downloaded], [1, 1, 0])
    const unknown = 'd4'.repeat(20)
    const many = await promisify(Client.scrape)({ announce: ready.tracker, infoHash: [...hashes, unknown] })
    assert.deepEqual(Object.fromEntries(Object.entries(many).map(([hash, { complete, incomplete }]) => [hash, [complete, incomplete]])),
      { ...Object.fromEntries(hashes.map(hash => [hash, [1, 1]])), [unknown]: [0, 0] })

    clients[0].stop()
    await once(clients[0], 'update', PATIENCE)
    await destroyed(clients[0])
    assert.deepEqual(await numbers(address), { ...all, peersSeederOnly: 2, peersAll: 5 })
    // Who is destroyed without a word is gone with the socket that it shares, at the latest.
    await Promise.all(clients.slice(1).map(destroyed))
    await eventually('all are gone', 30_000, async () => (await numbers(address)).sockets === 0)
    assert.deepEqual(await numbers(address), { torrents: 0, peersAll: 0, peersSeederOnly: 0, peersLeecherOnly: 0, sockets: 0 })
  })
})
