// Debian's Chromium, headless, and a bare page with webtorrent.js for tests that bring their own page.

import { createServer } from 'node:http'
import { once } from 'node:events'
import { readFile, mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { chromium } from 'playwright-core'

const FLAGS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync',
  // Tabs of a test are all in use, though only one is in front.
  '--disable-background-timer-throttling', '--disable-renderer-backgrounding', '--disable-backgrounding-occluded-windows',
  '--allow-loopback-in-peer-connection',
  '--autoplay-policy=no-user-gesture-required',
  // Names that are not localhost, for the page as others see it, and certificates of our own make.
  '--host-resolver-rules=MAP *.test 127.0.0.1', '--ignore-certificate-errors',
]

const chromiumPath = process.env.CHROMIUM ?? '/usr/bin/chromium'

export async function launch(test, executablePath = chromiumPath) {
  const browser = await chromium.launch({ executablePath, headless: true, args: FLAGS })
  test.after(() => browser.close())
  return browser
}

const artefacts = path.resolve(import.meta.dirname, '../../../target/browser')

export async function screenshot(page, name) {
  await mkdir(artefacts, { recursive: true })
  await page.screenshot({ path: path.join(artefacts, `${name}.png`), fullPage: true })
}

const here = path.resolve(import.meta.dirname, '..')
const served = {
  '/': path.join(here, 'page/index.html'),
  '/room': path.join(here, 'page/room.html'),
  '/webtorrent.min.js': path.resolve(here, '../../web/node_modules/webtorrent/dist/webtorrent.min.js'),
  '/sw.min.js': path.resolve(here, '../../web/node_modules/webtorrent/dist/sw.min.js'),
}
const TRYSTERO = /^\/(@trystero-p2p\/(?:core|torrent)\/dist\/[\w-]+\.mjs)$/

/** Serves the pages of `page/` and the packages they use, and returns the URL of the bare page. */
export async function barePage(test) {
  const server = createServer(async (request, response) => {
    const [, module] = TRYSTERO.exec(request.url) ?? []
    const file = module ? path.join(here, 'node_modules', module) : served[request.url]
    if (!file) return response.writeHead(404).end()
    const type = /js$/.test(file) ? 'text/javascript' : 'text/html'
    response.writeHead(200, { 'content-type': type }).end(await readFile(file))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  test.after(() => { server.closeAllConnections(); server.close() })
  return `http://127.0.0.1:${server.address().port}/`
}

/** Starts Chromium by a program that becomes another, as for `Shoal.startBy`. */
export async function launchBy(prefix, test, at) {
  const script = path.join(at, 'chromium')
  await writeFile(script, `#!/bin/sh\nexec ${prefix.join(' ')} ${chromiumPath} "$@"\n`, { mode: 0o755 })
  return launch(test, script)
}

/** Opens the bare page without a network between. */
export async function openBareWithin(browser) {
  const page = await browser.newPage()
  await page.route('http://localhost/**', route => route.fulfill({ path: served[new URL(route.request().url()).pathname] }))
  await page.goto('http://localhost/')
  await page.waitForFunction(() => globalThis.WebTorrent)
  return page
}

/** Opens the bare page in a context of its own. */
export async function openBare(browser, url) {
  const page = await (await browser.newContext()).newPage()
  await page.goto(url)
  await page.waitForFunction(() => globalThis.WebTorrent)
  return page
}

/** Starts a download in the bare page: `source` is a magnet link or the bytes of a .torrent file. */
export const join = (page, source) =>
  page.evaluate(source => globalThis.join(source), typeof source === 'string' ? source : [...source])

/** `{progress, done, files: {path: sha256}}` of the bare page's download once it is whole. */
export const finished = (page, timeout) =>
  page.waitForFunction(() => globalThis.torrent?.done, null, { timeout, polling: 100 })
    .then(() => page.evaluate(() => globalThis.digests()))
