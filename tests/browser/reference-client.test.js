// The client of the npm package bittorrent-tracker, which webtorrent.js uses, against our tracker.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { register } from 'node:module'
import { suite, test } from 'node:test'
import { Shoal } from './bench/shoal.js'

// The package insists on a native WebRTC module. No connection is made here: announces
// ask for no peers, and the browser tests cover offers and answers.
register(`data:text/javascript,${encodeURIComponent(`
  export const resolve = (specifier, context, next) => specifier === 'webrtc-polyfill'
    ? { url: 'data:text/javascript,export const RTCPeerConnection = class {}, RTCSessionDescription = class {}, RTCIceCandidate = class {}; export default {}', shortCircuit: true }
    : next(specifier, context)`)}`)
const { default: Client } = await import(import.meta.resolve('bittorrent-tracker/client'))

const INFO_HASH = 'ac'.repeat(20)
const PATIENCE = { signal: AbortSignal.timeout(30_000) }

function client(context, announce, id, left) {
  const made = new Client({
    announce, infoHash: INFO_HASH, peerId: Buffer.from(`-TT0001-${id.padStart(12, '0')}`), port: 6881,
    getAnnounceOpts: () => ({ numwant: 0, left }),
  })
  made.on('error', error => { throw error })
  context.after(() => new Promise(done => made.destroy(done)))
  return made
}

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
})
