// Many browsers, and parts of the whole that fail.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import path from 'node:path'
import { suite, test } from 'node:test'
import { barePage, finished, join, launch, openBare } from './bench/browser.js'
import { eventually, largest } from './bench/eventually.js'
import { MB, noise, sha256, tree } from './bench/content.js'
import { Shoal } from './bench/shoal.js'

const PATIENCE_MS = 180_000

async function file(context, length, seed) {
  const bytes = noise(length, seed)
  return { at: path.join(await tree(context, { 'content.bin': bytes }), 'content.bin'), digests: { 'content.bin': sha256(bytes) } }
}

const begun = page => page.waitForFunction(() => globalThis.torrent?.progress > 0.1, null, { timeout: PATIENCE_MS, polling: 50 })
const progressOf = page => page.evaluate(() => globalThis.torrent.progress)

/** In the page: notes for how long the seeder chokes it, until it is unchoked or hangs up, and how late timers are. */
function watchSlots() {
  const slots = globalThis.slots = { longest: 0, late: 50 }
  let due = performance.now() + 50
  setInterval(() => {
    slots.late = Math.max(slots.late, performance.now() - due)
    due = performance.now() + 50
  }, 50)
  const add = globalThis.WebTorrent.prototype.add
  globalThis.WebTorrent.prototype.add = function (...all) {
    const torrent = add.apply(this, all)
    torrent.on('wire', wire => {
      if (!wire.peerId.startsWith('2d5348')) return
      // Before it asks to be served, nobody makes it wait.
      let since = performance.now()
      const { interested } = wire
      wire.interested = function () {
        if (!this.amInterested) since = performance.now()
        return interested.call(this)
      }
      const waited = () => { slots.longest = Math.max(slots.longest, performance.now() - since) }
      wire.on('unchoke', waited)
      wire.on('choke', () => { since = performance.now() })
      wire.on('close', () => { if (wire.peerChoking && !torrent.done) waited() })
    })
    return torrent
  }
}

suite('a swarm', () => {
  test('five pages at once with two slots: all complete, and never more than two are served at a time', async context => {
    const { at, digests } = await file(context, 8 * MB, 21)
    const shoal = await Shoal.share(context, at, '--slots', '2')
    const browser = await launch(context)
    const url = await barePage(context)
    const pages = await Promise.all(Array.from({ length: 5 }, () => openBare(browser, url)))
    await Promise.all(pages.map(page => join(page, shoal.ready.magnet)))
    const received = await Promise.all(pages.map(page => finished(page, PATIENCE_MS)))
    assert.deepEqual(received, pages.map(() => digests))
    const served = shoal.events.filter(({ event }) => event === 'stats').map(({ served }) => served)
    assert.ok(Math.max(...served) <= 2, `served at a time: ${served}`)
    assert.ok(Math.max(...served) >= 1, `nobody was seen being served: ${served}`)
  })

  test('fifteen pages on three slots: all complete, and none waits longer than the policy says', async context => {
    const { at, digests } = await file(context, 4 * MB, 27)
    const shoal = await Shoal.share(context, at, '--slots', '3')
    const browser = await launch(context)
    const url = await barePage(context)
    const pages = await Promise.all(Array.from({ length: 15 }, () => openBare(browser, url)))
    await Promise.all(pages.map(page => page.evaluate(watchSlots)))
    await Promise.all(pages.map(page => join(page, shoal.ready.magnet)))
    const received = await Promise.all(pages.map(page => finished(page, PATIENCE_MS)))
    assert.deepEqual(received, pages.map(() => digests))
    const served = shoal.events.filter(({ event }) => event === 'stats').map(({ served }) => served)
    assert.ok(Math.max(...served) <= 3, `served at a time: ${served}`)
    const watched = await Promise.all(pages.map(page => page.evaluate(() => globalThis.slots)))
    const longest = watched.map(({ longest }) => Math.round(longest))
    context.diagnostic(`longest time choked in each page, ms: ${longest}; late by up to ${Math.round(Math.max(...watched.map(({ late }) => late)))}`)
    for (const { longest, late } of watched) {
      // 4 s on the seeder's clock. On its way an unchoke passes through a dozen tasks, each as late as a page's timers.
      assert.ok(longest <= 4_000 + 10 * late, `choked for ${longest} ms in a page that is late by ${late} ms`)
    }
  })

  test('a seeder killed and started again in the middle: the browser finishes', async context => {
    const { at, digests } = await file(context, 120 * MB, 22)
    const tracker = await Shoal.tracker(context)
    const seeder = await Shoal.seed(context, at, tracker.ready.tracker)
    const page = await openBare(await launch(context), await barePage(context))
    await join(page, seeder.ready.magnet)
    await begun(page)
    await seeder.kill()
    assert.ok(await progressOf(page) < 1, 'the download was over before the kill')
    await Shoal.seed(context, at, tracker.ready.tracker)
    assert.deepEqual(await finished(page, PATIENCE_MS), digests)
  })

  test('a seeder stopped by SIGTERM and started again in the middle: the browser finishes', async context => {
    const { at, digests } = await file(context, 60 * MB, 27)
    const tracker = await Shoal.tracker(context)
    const seeder = await Shoal.seed(context, at, tracker.ready.tracker)
    const page = await openBare(await launch(context), await barePage(context))
    await join(page, seeder.ready.magnet)
    await begun(page)
    await seeder.stop()
    assert.ok(await progressOf(page) < 1, 'the download was over before the stop')
    // The channel was closed properly: the page does not wait for a dead one.
    await page.waitForFunction(() => globalThis.torrent.numPeers === 0, null, { timeout: PATIENCE_MS, polling: 50 })
    await Shoal.seed(context, at, tracker.ready.tracker)
    assert.deepEqual(await finished(page, PATIENCE_MS), digests)
  })

  test('share killed and started again in the middle: its page finishes', async context => {
    const { at } = await file(context, 120 * MB, 23)
    const shoal = await Shoal.share(context, at)
    const page = await (await (await launch(context)).newContext()).newPage()
    await page.goto(shoal.ready.page)
    await page.waitForFunction(() => document.querySelector('#progress').value > 0.1, null, { timeout: PATIENCE_MS, polling: 50 })
    await shoal.kill()
    assert.ok(await page.locator('#progress').evaluate(({ value }) => value) < 1, 'the download was over before the kill')
    await Shoal.start(context, 'share', at, '--listen', shoal.address, '--rtc-listen', '127.0.0.1:0')
    await page.waitForFunction(() => document.querySelector('#state').dataset.state === 'done', null, { timeout: PATIENCE_MS, polling: 100 })
  })

  test('a tracker killed and started again: seeder and browsers find each other', async context => {
    const { at, digests } = await file(context, MB, 24)
    const first = await Shoal.tracker(context)
    const seeder = await Shoal.seed(context, at, first.ready.tracker)
    await first.kill()
    await Shoal.tracker(context, first.address)
    const page = await openBare(await launch(context), await barePage(context))
    await join(page, seeder.ready.magnet)
    assert.deepEqual(await finished(page, PATIENCE_MS), digests)
  })

  test('a tab that stops reading costs the seeder a bounded amount of memory', async context => {
    const { at, digests } = await file(context, 200 * MB, 25)
    const shoal = await Shoal.share(context, at)
    const browser = await launch(context)
    const page = await openBare(browser, await barePage(context))
    await join(page, shoal.ready.magnet)
    await begun(page)
    const session = await browser.newBrowserCDPSession()
    const { processInfo } = await session.send('SystemInfo.getProcessInfo')
    const renderers = processInfo.filter(({ type }) => type === 'renderer').map(({ id }) => id)
    const signal = name => execFileSync('kill', [`-${name}`, ...renderers.map(String)])
    const before = await shoal.resident()
    signal('STOP')
    const most = await largest(8_000, () => shoal.resident()).finally(() => signal('CONT'))
    context.diagnostic(`resident ${Math.round(before / MB)} MB before, at most ${Math.round(most / MB)} MB while nothing was read`)
    assert.ok(most < before + 24 * MB, `grew from ${before} to ${most} bytes`)
    assert.deepEqual(await finished(page, PATIENCE_MS), digests)
  })

  test('SIGTERM stops within five seconds, and the tracker counts the seeder as gone', async context => {
    const { at } = await file(context, MB, 26)
    const tracker = await Shoal.tracker(context)
    const seeder = await Shoal.seed(context, at, tracker.ready.tracker)
    const seeders = async () => (await (await fetch(`http://${tracker.address}/stats.json`)).json()).peersSeederOnly
    await eventually('the seeder is known', 10_000, async () => await seeders() === 1)
    const { code, took } = await seeder.stop()
    assert.equal(code, 0)
    assert.ok(took < 5_000, `took ${took} ms`)
    assert.equal(await seeders(), 0)
  })
})
