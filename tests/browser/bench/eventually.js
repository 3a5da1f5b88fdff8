// Deadlines instead of sleeps.

import { setTimeout as pause } from 'node:timers/promises'

const POLL_MS = 50

/** Polls `probe` until it gives something true, and returns that; fails after `within` milliseconds, naming `what`. */
export async function eventually(what, within, probe) {
  const end = performance.now() + within
  let last
  for (;;) {
    last = await probe()
    if (last) return last
    if (performance.now() > end) throw new Error(`not within ${within} ms: ${what} (last: ${JSON.stringify(last)})`)
    await pause(POLL_MS)
  }
}

/** Probes for as long as `during` milliseconds and returns the largest number seen. */
export async function largest(during, probe) {
  const end = performance.now() + during
  let most = -Infinity
  while (performance.now() < end) {
    most = Math.max(most, await probe())
    await pause(POLL_MS)
  }
  return most
}
