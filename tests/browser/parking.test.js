// Offers that found nobody wait at the tracker for who comes next.

import assert from 'node:assert/strict'
import path from 'node:path'
import { test } from 'node:test'
import { barePage, finished, join, launch, openBare } from './bench/browser.js'
import { sha256, tree } from './bench/content.js'
import { Shoal } from './bench/shoal.js'

const PATIENCE_MS = 60_000

/** In a page: what it announces asks for peers and brings no offers, so that it can only be found. */
function withoutOffers() {
  const send = WebSocket.prototype.send
  WebSocket.prototype.send = function (data) {
    const message = JSON.parse(data)
    send.call(this, JSON.stringify(message.offers ? { ...message, offers: [] } : message))
  }
}

test('a page that makes no offers gets those of a page that was alone, long before that announces again', async context => {
  const settings = path.join(await tree(context, { 'tracker.toml': '[swarm]\ninterval = "1h"\n' }), 'tracker.toml')
  const { ready } = await Shoal.tracker(context, '127.0.0.1:0', '--config', settings)
  const browser = await launch(context)
  const url = await barePage(context)
  const seed = await openBare(browser, url)
  const text = 'One who waits is found.\n'.repeat(4_000)
  const magnet = await seed.evaluate(args => globalThis.seed(...args), [text, 'waiting.txt', ready.tracker])
  const leecher = await openBare(browser, url)
  await leecher.evaluate(withoutOffers)
  await join(leecher, magnet)
  assert.deepEqual(await finished(leecher, PATIENCE_MS), { 'waiting.txt': sha256(text) })
})
