// A film goes on while others take the same content as fast as they can.

import assert from 'node:assert/strict'
import path from 'node:path'
import { test } from 'node:test'
import { barePage, join, launch, openBare } from './bench/browser.js'
import { folder, MB, stretch } from './bench/content.js'
import { Shoal } from './bench/shoal.js'

const clip = path.resolve(import.meta.dirname, '../../torrents/clip.mp4')
const OTHERS = 5
const PATIENCE_MS = 150_000

test('a video plays to its end while five other pages download', async context => {
  const film = path.join(await folder(context), 'film.mp4')
  await stretch(clip, film, 20 * MB)
  const shoal = await Shoal.share(context, film)
  const browser = await launch(context)
  const bare = await barePage(context)
  const others = await Promise.all(Array.from({ length: OTHERS }, () => openBare(browser, bare)))
  const page = await (await browser.newContext()).newPage()
  await page.goto(shoal.ready.page)
  await Promise.all(others.map(other => join(other, shoal.ready.magnet)))
  await page.getByRole('button', { name: 'Play film.mp4' }).click({ timeout: PATIENCE_MS })
  const { stops, duration, at } = await page.locator('video').evaluate((video, patience) => new Promise((resolve, reject) => {
    let stops = 0
    setTimeout(() => reject(new Error(`it is at ${video.currentTime} of ${video.duration} s, after ${stops} stops`)), patience)
    video.addEventListener('waiting', () => { stops += 1 })
    const end = () => resolve({ stops, duration: video.duration, at: video.currentTime })
    if (video.ended) end()
    video.addEventListener('ended', end)
  }), PATIENCE_MS)
  context.diagnostic(`${duration} s of film, ${stops} stops`)
  assert.equal(at, duration)
  for (const other of others) await other.waitForFunction(() => globalThis.torrent.done, null, { timeout: PATIENCE_MS, polling: 100 })
})
