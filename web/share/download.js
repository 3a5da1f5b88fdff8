// The download: webtorrent.js with our trackers, our store and our service worker.

import { canStream } from './environment.js'
import { MemoryStore } from './memory-store.js'

/** Up to this size pieces stay in memory; above it webtorrent.js keeps them in the browser's private files. */
const MEMORY_LIMIT_BYTES = 256 * 1024 * 1024

/** Imports webtorrent.js from the binary, or from elsewhere when its hash is the expected one. */
async function load({ url, integrity }) {
  if (!integrity) return (await import(new URL(url, document.baseURI))).default
  const response = await fetch(url, { integrity, credentials: 'omit', referrerPolicy: 'no-referrer' })
  const script = new Blob([await response.blob()], { type: 'text/javascript' })
  return (await import(URL.createObjectURL(script))).default
}

/** The tracker of `share.json`, as seen from where this page was opened. */
export function trackerUrl(tracker) {
  const url = new URL(tracker, document.baseURI)
  if (url.protocol === 'http:') url.protocol = 'ws:'
  if (url.protocol === 'https:') url.protocol = 'wss:'
  return url.href
}

/** Resolves at `event` of `target`, or fails after a while. */
const heard = (target, event, within = 10_000) => new Promise((resolve, reject) => {
  target.addEventListener(event, resolve, { once: true })
  setTimeout(() => reject(new Error(`the service worker did not get to ${event}`)), within)
})

/** Our service worker, once it answers this page's requests; `null` where there can be none. */
async function activeWorker() {
  if (!canStream()) return null
  const { serviceWorker } = navigator
  const controlled = serviceWorker.controller ? null : heard(serviceWorker, 'controllerchange')
  await serviceWorker.register('sw.js', { scope: './' })
  const registration = await serviceWorker.ready
  if (!serviceWorker.controller) {
    registration.active.postMessage('claim')
    await controlled
  }
  return registration
}

/**
 * Starts the download that `share` (the object of share.json) describes.
 * Resolves to `{client, torrent, streams}` as soon as webtorrent.js runs;
 * `streams` resolves to whether files can be streamed.
 */
export async function start(share) {
  const [WebTorrent, metadata] = await Promise.all([
    load(share.webtorrent),
    fetch(share.torrent).then(async response => {
      if (!response.ok) throw new Error(`the .torrent file could not be loaded (HTTP ${response.status})`)
      return new Uint8Array(await response.arrayBuffer())
    }),
  ])
  const client = new WebTorrent({ tracker: { rtcConfig: { iceServers: share.ice_servers } } })
  // An empty start is known to be empty: a bitfield spares reading every piece back first.
  const pieces = Math.ceil(share.length / share.piece_length)
  const inMemory = share.length <= MEMORY_LIMIT_BYTES
  const torrent = client.add(metadata, {
    ...(inMemory && { store: MemoryStore, storeCacheSlots: 0, bitfield: new Uint8Array(Math.ceil(pieces / 8)) }),
  })
  // In place of those in the .torrent file, which name this server as others see it.
  torrent.once('infoHash', () => { torrent.announce = share.trackers.map(trackerUrl) })
  const streams = activeWorker()
    .then(controller => {
      if (controller) client.createServer({ controller })
      return Boolean(controller)
    })
    .catch(error => {
      console.warn('no streaming:', error)
      return false
    })
  return { client, torrent, streams }
}
