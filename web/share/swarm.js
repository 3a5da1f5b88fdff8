// Finds peers again sooner than webtorrent.js by itself would: it waits up to
// five minutes before it returns to a tracker, and makes new offers only every
// announce interval.

const TICK_MS = 1_000
const RECONNECT_MS = { first: 1_000, most: 20_000 }
const STALL_MS = { first: 6_000, most: 30_000 }
/** Offers of one extra announce: enough to reach the seeder, few enough for its tracker. */
const OFFERS = 3

const jitter = milliseconds => milliseconds * (0.75 + Math.random() / 2)

const trackers = torrent => torrent.discovery?.tracker?._trackers ?? []

export const isTrackerConnected = torrent =>
  trackers(torrent).some(tracker => !tracker.reconnecting && tracker.socket?.connected)

/** True once a tracker was lost or refused us. */
export const isTrackerLost = torrent => trackers(torrent).some(tracker => tracker.reconnecting) && !isTrackerConnected(torrent)

/** Looks after `torrent` until it is destroyed. */
export function keepLooking(torrent) {
  let reconnectWait = RECONNECT_MS.first
  let reconnectAt = 0
  let stallWait = STALL_MS.first
  let askAt = Date.now() + jitter(stallWait)
  let received = 0

  const timer = setInterval(() => {
    if (torrent.destroyed) return clearInterval(timer)
    const now = Date.now()

    if (!isTrackerLost(torrent)) {
      if (isTrackerConnected(torrent)) reconnectWait = RECONNECT_MS.first
      reconnectAt = now + jitter(reconnectWait)
    } else if (now >= reconnectAt) {
      reconnectWait = Math.min(reconnectWait * 2, RECONNECT_MS.most)
      reconnectAt = now + jitter(reconnectWait)
      for (const tracker of trackers(torrent)) {
        if (!tracker.reconnecting) continue
        clearTimeout(tracker.reconnectTimer)
        tracker._openSocket()
      }
    }

    if (torrent.received !== received || torrent.done) {
      received = torrent.received
      stallWait = STALL_MS.first
      askAt = now + jitter(stallWait)
    } else if (now >= askAt && isTrackerConnected(torrent)) {
      stallWait = Math.min(stallWait * 1.6, STALL_MS.most)
      askAt = now + jitter(stallWait)
      torrent.discovery.tracker.update({ numwant: OFFERS })
    }
  }, TICK_MS)
}
