// shoal create against create-torrent, parse-torrent, bencode and mktorrent.

import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'

import bencode from 'bencode'
import createTorrent from 'create-torrent'
import parseTorrent from 'parse-torrent'

import { file, generator, scratch, shoal, sparse, tree } from './shoal.js'

const reference = promisify(createTorrent)
const seed = Number(process.env.SHOAL_SEED ?? 1)
const rounds = Number(process.env.SHOAL_ROUNDS ?? 40)

/** What create-torrent makes of the input, without trackers. */
async function theirs (input, options = {}) {
  const bytes = await reference(input, { announceList: [], ...options })
  return parseTorrent(bytes)
}

/** What shoal makes of it, read by parse-torrent; its bytes checked on the way. */
async function ours (input, ...args) {
  const bytes = await shoal('create', input, '--output', '-', '--no-date', ...args)
  const again = Buffer.from(bencode.encode(bencode.decode(bytes)))
  assert.ok(again.equals(bytes), 'bencode writes other bytes')
  const start = bytes.indexOf('4:infod') + 6
  const parsed = await parseTorrent(bytes)
  const info = bytes.subarray(start, start + parsed.infoBuffer.length)
  assert.equal(createHash('sha1').update(info).digest('hex'), parsed.infoHash)
  return parsed
}

function assertSame (mine, other) {
  assert.deepEqual(mine.files, other.files)
  assert.deepEqual(mine.pieces, other.pieces)
  assert.equal(mine.pieceLength, other.pieceLength)
  assert.equal(mine.infoHash, other.infoHash)
}

test(`${rounds} generated trees get create-torrent's infohash (SHOAL_SEED=${seed})`, async t => {
  for (let round = 0; round < rounds; round++) {
    const random = generator(seed * 1000 + round)
    const pieceLength = 16384 << random(3)
    const folder = path.join(await scratch(t), 'tree')
    await tree(random, folder, pieceLength)
    const mine = await ours(folder, '--piece-length', String(pieceLength))
    const other = await theirs(folder, { pieceLength })
    try {
      assertSame(mine, other)
    } catch (error) {
      error.message = `round ${round}: ${error.message}`
      throw error
    }
  }
})

test('single files of lengths round the borders of pieces', async t => {
  const folder = await scratch(t)
  const pieceLength = 16384
  const lengths = [0, 1, pieceLength - 1, pieceLength, pieceLength + 1, 8 * pieceLength, 5_000_000]
  for (const length of lengths) {
    const name = path.join(folder, `${length} é#.bin`)
    await file(generator(length), name, length)
    const mine = await ours(name, '--piece-length', String(pieceLength))
    assertSame(mine, await theirs(name, { pieceLength }))
  }
})

test('the default piece length is the same', async t => {
  const folder = await scratch(t)
  const mib = 1 << 20
  for (const length of [0, 16 * mib, 23 * mib, 24 * mib, 47 * mib, 100 * mib]) {
    const name = path.join(folder, String(length))
    await sparse(name, length)
    assertSame(await ours(name), await theirs(name))
  }
})

test('over four gibibytes', { skip: !process.env.SHOAL_SLOW && 'set SHOAL_SLOW=1' }, async t => {
  const name = path.join(await scratch(t), 'sparse')
  await sparse(name, 2 ** 32 + 12345)
  assertSame(await ours(name), await theirs(name))
})

test('private, source and name change the infohash alike', async t => {
  const name = path.join(await scratch(t), 'file')
  await file(generator(7), name, 50_000)
  assertSame(await ours(name, '--private'), await theirs(name, { private: true }))
  assertSame(await ours(name, '--source', 'ä'), await theirs(name, { info: { source: 'ä' } }))
  assertSame(await ours(name, '--name', 'n m'), await theirs(name, { name: 'n m' }))
})

test('trackers, web seeds, comment and date are read by parse-torrent', async t => {
  const name = path.join(await scratch(t), 'file')
  await file(generator(7), name, 50_000)
  const args = ['--announce', 'wss://a/?x=1&y=2', '--announce', 'ws://b:1', '--web-seed', 'https://w/f', '--comment', 'hällo']
  const parsed = await parseTorrent(await shoal('create', name, '-o', '-', ...args))
  assert.deepEqual(parsed.announce, ['wss://a/?x=1&y=2', 'ws://b:1'])
  assert.deepEqual(parsed.urlList, ['https://w/f'])
  assert.equal(parsed.comment, 'hällo')
  assert.equal(parsed.createdBy, 'Shoal')
  assert.ok(Math.abs(parsed.created - Date.now()) < 120_000)
})

const mktorrent = spawnSync('mktorrent', ['-h']).error ? 'mktorrent is not installed' : false
test('mktorrent gives the same infohash', { skip: mktorrent }, async t => {
  const folder = await scratch(t)
  // It sorts whole paths, so the names here sort alike both ways.
  const content = path.join(folder, 'content')
  const random = generator(3)
  await tree(random, path.join(content, 'm'), 32768, 3)
  await file(random, path.join(content, 'é 🐟'), 100_000)
  await file(random, path.join(content, 'empty'), 0)
  execFileSync('find', [content, '-name', '.*', '-delete', '-o', '-name', '*~', '-delete'])
  for (const input of [content, path.join(content, 'é 🐟')]) {
    const output = path.join(folder, `${path.basename(input)}.torrent`)
    execFileSync('mktorrent', ['-l', '15', '-a', 'http://x', '-o', output, input], { stdio: 'pipe' })
    const other = await parseTorrent(await readFile(output))
    assertSame(await ours(input, '--piece-length', '32768'), other)
  }
})

test('a torrent made for a folder is verified, and damage is found', async t => {
  const folder = path.join(await scratch(t), 'tree')
  await tree(generator(5), folder, 16384)
  await file(generator(6), path.join(folder, 'zz'), 40_000)
  const torrent = `${folder}.torrent`
  await shoal('create', folder, '-o', torrent, '--piece-length', '16384')
  await shoal('verify', torrent, folder)
  await writeFile(path.join(folder, 'zz'), Buffer.alloc(40_000, 1))
  await assert.rejects(shoal('verify', torrent, folder), { code: 3 })
})
