// What the page loads from a CDN, when npm did not run before the build, is what npm installs.

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'

const root = path.resolve(import.meta.dirname, '../..')

test('the hash in the binary is that of the script from npm', async () => {
  const script = await readFile(path.join(root, 'web/node_modules/webtorrent/dist/webtorrent.min.js'))
  const source = await readFile(path.join(root, 'src/page.rs'), 'utf8')
  const [, pinned] = /"(sha384-[^"]+)"/.exec(source)
  assert.equal(pinned, `sha384-${createHash('sha384').update(script).digest('base64')}`)
})
