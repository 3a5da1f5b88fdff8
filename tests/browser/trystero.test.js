// trystero, which lets pages meet through WebTorrent trackers without a file to share: it announces without `left`, offers from
// a pool again and again, and listens as a peer with `left: 0` and no offers.

import { suite, test } from 'node:test'
import { barePage, launch } from './bench/browser.js'
import { Shoal } from './bench/shoal.js'

const PATIENCE_MS = 60_000

async function enter(browser, url, tracker, name, passive = false) {
  const page = await (await browser.newContext()).newPage()
  await page.goto(`${url}room`)
  await page.waitForFunction(() => globalThis.ready)
  await page.evaluate(([tracker, name, passive]) => globalThis.enter(tracker, name, passive), [tracker, name, passive])
  return page
}

const hears = (page, text) =>
  page.waitForFunction(text => globalThis.heard.includes(text), text, { timeout: PATIENCE_MS, polling: 100 })

suite('trystero', () => {
  for (const passive of [false, true]) {
    test(`two pages meet and greet each other${passive ? ', one of them a listener' : ''}`, async context => {
      const { ready } = await Shoal.tracker(context)
      const browser = await launch(context)
      const url = await barePage(context)
      const first = await enter(browser, url, ready.tracker, 'the first', passive)
      const second = await enter(browser, url, ready.tracker, 'the second')
      await Promise.all([hears(first, 'hello from the second'), hears(second, 'hello from the first')])
    })
  }
})
