// The page of `shoal share`, used as a visitor uses it.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { suite, test } from 'node:test'
import { launch, screenshot } from './bench/browser.js'
import { eventually } from './bench/eventually.js'
import { folder, MB, noise, sha256, sha256OfFile, stretch, tree } from './bench/content.js'
import { Shoal } from './bench/shoal.js'

const clip = path.resolve(import.meta.dirname, '../../torrents/clip.mp4')
const PATIENCE_MS = 90_000

const progress = page => page.locator('#progress').evaluate(({ value }) => value)
const whole = page => page.waitForFunction(() => document.querySelector('#state').dataset.state === 'done', null, { timeout: PATIENCE_MS, polling: 100 })

async function openShare(context, content, { args = [], ...view } = {}) {
  const shoal = await Shoal.share(context, content, ...args)
  const browser = await launch(context)
  const browserContext = await browser.newContext({ acceptDownloads: true, viewport: { width: 1280, height: 900 }, ...view })
  const page = await browserContext.newPage()
  const complaints = []
  page.on('pageerror', error => complaints.push(error.message))
  page.on('console', message => { if (message.type() === 'error') complaints.push(message.text()) })
  page.on('dialog', dialog => { complaints.push(`dialog: ${dialog.message()}`); dialog.dismiss() })
  const requests = []
  page.on('request', request => requests.push(new URL(request.url()).origin))
  await page.goto(shoal.ready.page)
  return { shoal, browser, page, complaints, requests }
}

suite('the share page', () => {
  test('plays a video while it loads, and seeks into what is not there yet', async context => {
    const film = path.join(await folder(context), 'film.mp4')
    await stretch(clip, film, 240 * MB)
    const opened = performance.now()
    const { page, complaints, requests, shoal } = await openShare(context, film)
    const video = page.locator('video')
    await page.getByRole('button', { name: 'Play film.mp4' }).click({ timeout: PATIENCE_MS })
    await video.evaluate((element, patience) => new Promise((resolve, reject) => {
      setTimeout(() => reject(new Error('it does not play')), patience)
      if (element.currentTime > 0.2) resolve()
      element.addEventListener('timeupdate', () => { if (element.currentTime > 0.2) resolve() })
    }), PATIENCE_MS)
    context.diagnostic(`playing ${Math.round(performance.now() - opened)} ms after the start of shoal, at ${await progress(page)}`)
    await screenshot(page, 'playing')

    const asked = performance.now()
    const after = await video.evaluate((element, patience) => new Promise((resolve, reject) => {
      setTimeout(() => reject(new Error('it does not seek')), patience)
      const target = element.duration * 0.75
      element.addEventListener('timeupdate', () => {
        if (!element.seeking && element.currentTime > target + 0.1) resolve(document.querySelector('#progress').value)
      })
      element.currentTime = target
    }), PATIENCE_MS)
    context.diagnostic(`playing again ${Math.round(performance.now() - asked)} ms after the seek, at ${after}`)
    assert.ok(after < 1, 'the film was whole before the seek: nothing was shown')
    assert.deepEqual(complaints, [])
    assert.deepEqual([...new Set(requests)], [new URL(shoal.ready.page).origin], 'the page asked somebody else')
  })

  test('saves files with their bytes and names, and shows pictures and texts', async context => {
    const words = 'Text with <b>markup</b> & ünïcode.\n'
    const picture = await readFile(path.resolve(import.meta.dirname, '../../web/share/logo.svg'))
    const files = { 'data #1 100%.bin': noise(3 * MB, 9), 'notes.txt': Buffer.from(words), 'picture.svg': picture }
    const root = await tree(context, Object.fromEntries(Object.entries(files).map(([name, bytes]) => [`things/${name}`, bytes])))
    const { page, complaints } = await openShare(context, path.join(root, 'things'))
    await whole(page)
    for (const [name, bytes] of Object.entries(files)) {
      const [download] = await Promise.all([
        page.waitForEvent('download', { timeout: PATIENCE_MS }),
        page.getByRole('button', { name: `Save ${name}` }).click(),
      ])
      assert.equal(download.suggestedFilename(), name)
      assert.equal(await sha256OfFile(await download.path()), sha256(bytes), name)
    }
    await page.getByRole('button', { name: 'Open notes.txt' }).click()
    assert.equal(await page.locator('#player pre').textContent(), words)
    await page.getByRole('button', { name: 'Open picture.svg' }).click()
    await page.waitForFunction(() => document.querySelector('#player img')?.naturalWidth > 0, null, { timeout: PATIENCE_MS })
    await screenshot(page, 'files')
    assert.deepEqual(complaints, [])
  })

  test('saves a file that is still on its way', async context => {
    const file = path.join(await folder(context), 'large.bin')
    const bytes = noise(40 * MB, 11)
    await writeFile(file, bytes)
    const { page, complaints } = await openShare(context, file)
    const [download] = await Promise.all([
      page.waitForEvent('download', { timeout: PATIENCE_MS }),
      page.getByRole('button', { name: 'Save large.bin' }).click({ timeout: PATIENCE_MS }),
    ])
    assert.equal(download.suggestedFilename(), 'large.bin')
    assert.equal(await sha256OfFile(await download.path()), sha256(bytes))
    assert.deepEqual(complaints, [])
  })

  test('streams on after a reload past the cache, which takes the service worker away', async context => {
    const { page, complaints } = await openShare(context, clip)
    await whole(page)
    const session = await page.context().newCDPSession(page)
    const loaded = page.waitForEvent('load')
    await session.send('Page.reload', { ignoreCache: true })
    await loaded
    await page.waitForFunction(() => document.querySelector('video')?.readyState >= 2, null, { timeout: PATIENCE_MS })
    assert.deepEqual(complaints, [])
  })

  test('treats names as text, never as markup', async context => {
    const name = '<img src=x onerror=alert(1)>.txt'
    const root = await tree(context, { [`<script>alert(2)<\u2044script>/${name}`]: 'x' })
    const { page, complaints } = await openShare(context, path.join(root, '<script>alert(2)<\u2044script>'))
    await whole(page)
    assert.equal(await page.locator('#files .path').textContent(), name)
    assert.equal(await page.locator('#files img').count(), 0)
    assert.deepEqual(complaints, [])
  })

  test('works by any name of the machine', async context => {
    const root = await tree(context, { 'a.bin': noise(100_000) })
    const { shoal, page, complaints } = await openShare(context, path.join(root, 'a.bin'))
    await page.goto(`http://localhost:${new URL(shoal.ready.page).port}/`)
    await whole(page)
    assert.deepEqual(complaints, [])
  })

  test('works over https by a name that is not localhost', async context => {
    const at = await folder(context)
    const [cert, key] = [path.join(at, 'cert.pem'), path.join(at, 'key.pem')]
    execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes',
      '-days', '2', '-subj', '/CN=share.test', '-keyout', key, '-out', cert], { stdio: 'pipe' })
    const { shoal, page, complaints } = await openShare(context, clip, { args: ['--tls-cert', cert, '--tls-key', key] })
    await page.goto(`https://share.test:${new URL(shoal.ready.page).port}/`)
    await whole(page)
    await page.waitForFunction(() => document.querySelector('video')?.readyState >= 2, null, { timeout: PATIENCE_MS })
    assert.deepEqual(complaints, [])
  })

  test('says what is missing when it is opened at an insecure address', async context => {
    const root = await tree(context, { 'a.txt': 'hello' })
    const { page, shoal } = await openShare(context, path.join(root, 'a.txt'))
    await page.goto(`http://insecure.test:${new URL(shoal.ready.page).port}/`)
    await page.locator('#notice h2').waitFor()
    assert.equal(await page.locator('#notice h2').textContent(), 'This page needs a secure address')
    assert.equal(await page.locator('#state-text').textContent(), 'Stopped')
    await screenshot(page, 'insecure')
  })

  test('says so when its tracker is gone', async context => {
    const root = await tree(context, { 'a.bin': noise(60 * MB) })
    const { page, shoal } = await openShare(context, path.join(root, 'a.bin'))
    await page.waitForFunction(() => document.querySelector('#progress').value > 0, null, { timeout: PATIENCE_MS })
    await shoal.kill()
    await eventually('the hint', PATIENCE_MS, async () => (await page.locator('#hint').textContent()).includes('tracker cannot be reached'))
  })

  for (const [name, view] of Object.entries({
    phone: { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true },
    dark: { colorScheme: 'dark' },
    'phone-dark': { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, colorScheme: 'dark', reducedMotion: 'reduce' },
  })) {
    test(`fits the ${name} view`, async context => {
      const at = await folder(context)
      await mkdir(path.join(at, 'Holiday'))
      await copyFile(clip, path.join(at, 'Holiday/test pattern.mp4'))
      for (const [file, bytes] of [['notes.txt', 'Words.\n'], ['a long name that goes on and on-without-any-space-for-breaking-it-in-two.bin', noise(200_000)]]) {
        await writeFile(path.join(at, 'Holiday', file), bytes)
      }
      const { page, complaints } = await openShare(context, path.join(at, 'Holiday'), view)
      await whole(page)
      await page.waitForFunction(() => document.querySelector('video')?.readyState >= 2, null, { timeout: PATIENCE_MS })
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
      assert.equal(overflow, 0, 'the page scrolls sideways')
      await screenshot(page, name)
      assert.deepEqual(complaints, [])
    })
  }
})
