// What shoal accepts, webtorrent.js must hash to the same infohash; and what
// shoal refuses for its hash, webtorrent.js must in fact hash otherwise.

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'

import { encode as encodeMagnet } from 'magnet-uri'
import parseTorrent from 'parse-torrent'

import { file, generator, scratch, shoal, shoalJson } from './shoal.js'

const seed = Number(process.env.SHOAL_SEED ?? 1)

const sha1 = bytes => createHash('sha1').update(bytes).digest('hex')
const bytes = (...parts) => Buffer.concat(parts.map(part => Buffer.from(part)))
const string = text => bytes(`${Buffer.from(text).length}:`, text)
const base = { length: 'i1e', name: '1:n', 'piece length': 'i16384e', pieces: '20:aaaaaaaaaaaaaaaaaaaa' }

/** A canonical dictionary of pairs of key bytes and encoded values. */
function dict (pairs) {
  const sorted = pairs.map(([key, value]) => [Buffer.from(key), Buffer.from(value)])
    .sort((a, b) => Buffer.compare(a[0], b[0]))
  return bytes('d', ...sorted.flatMap(([key, value]) => [string(key), value]), 'e')
}

/** `info` of a torrent with one more key. */
const infoWith = (key, value) => dict([...Object.entries(base), [key, value]])

/** The infohash by shoal, or null when it refuses the file. */
async function byShoal (folder, info) {
  const name = path.join(folder, `${sha1(info)}.torrent`)
  await writeFile(name, bytes('d4:info', info, 'e'))
  try {
    return (await shoalJson('show', name)).info_hash
  } catch (error) {
    assert.equal(error.code, 1, String(error.stderr))
    return null
  }
}

/** The infohash by parse-torrent, or null when it throws. */
async function byParseTorrent (info) {
  try {
    return (await parseTorrent(bytes('d4:info', info, 'e'))).infoHash
  } catch {
    return null
  }
}

test('refused for their hash, and rightly so', async t => {
  const folder = await scratch(t)
  const cases = {
    'unsorted keys': bytes('d4:name1:n6:lengthi1e12:piece lengthi16384e6:pieces20:aaaaaaaaaaaaaaaaaaaae'),
    'a doubled key': bytes('d6:lengthi2e6:lengthi1e4:name1:n12:piece lengthi16384e6:pieces20:aaaaaaaaaaaaaaaaaaaae'),
    'a leading zero': infoWith('a', 'i05e'),
    'minus zero': infoWith('a', 'i-0e'),
    'a number over 2^53': infoWith('a', 'i9007199254740993e'),
    'a key that is not UTF-8': infoWith(Buffer.from([0xff]), 'i1e'),
    'a key with a byte order mark': infoWith('\ufeffa', 'i1e'),
    'a key with U+FFFD': infoWith('\ufffd', 'i1e'),
    'the key __proto__': infoWith('__proto__', 'd1:a1:be'),
    'keys that UTF-16 sorts otherwise': infoWith('x', dict([['\uff01', 'i1e'], ['🐟', 'i1e']])),
    'a length of a string with a leading zero': infoWith('a', '01:b')
  }
  for (const [what, info] of Object.entries(cases)) {
    assert.equal(await byShoal(folder, info), null, `${what} is accepted`)
    assert.notEqual(await byParseTorrent(info), sha1(info), `${what} would have done no harm`)
  }
})

test(`whatever is accepted has one infohash (SHOAL_SEED=${seed})`, async t => {
  const folder = await scratch(t)
  const random = generator(seed)
  const pick = list => list[random(list.length)]
  const text = () => pick(['', 'a', 'ä', '\uff01', '🐟', '\ufeff', '\ufffd', '__proto__', 'constructor', '1', '10', '9', 'toString', '\u0000', '\ue000', Buffer.from([0xc3])])
  const value = depth => {
    const kind = random(depth > 2 ? 2 : 4)
    if (kind === 0) return bytes(`i${pick(['0', '1', '-1', '9007199254740991', '9007199254740992', '-9007199254740993', '18014398509481984'])}e`)
    if (kind === 1) return string(text())
    const parts = Array.from({ length: random(4) }, () => value(depth + 1))
    if (kind === 2) return bytes('l', ...parts, 'e')
    return dict([...new Map(parts.map(part => [String(text()), part]))])
  }
  let accepted = 0
  for (let round = 0; round < 150; round++) {
    const info = infoWith(bytes('x', text()), value(0))
    const mine = await byShoal(folder, info)
    if (mine === null) continue
    accepted++
    assert.equal(mine, sha1(info))
    assert.equal(mine, await byParseTorrent(info), `round ${round}: ${info}`)
  }
  assert.ok(accepted > 20, `only ${accepted} were accepted`)
})

test('magnet links of shoal are read in full by magnet-uri', async t => {
  const folder = await scratch(t)
  const name = path.join(folder, 'a & b=c #1 100% é🐟.bin')
  await file(generator(1), name, 20_000)
  const torrent = path.join(folder, 't.torrent')
  const trackers = ['wss://a.example/?x=1&y=2', 'ws://[::1]:8000/announce#f']
  const seeds = ['https://w.example/a b'.replace(' ', '%20')]
  const made = await shoalJson('create', name, '-o', torrent, ...trackers.flatMap(url => ['--announce', url]), '--web-seed', seeds[0])
  const link = String(await shoal('magnet', torrent, '--tracker', 'wss://b.example')).trim()
  const parsed = await parseTorrent(link)
  assert.equal(parsed.infoHash, made.info_hash)
  assert.equal(parsed.name, path.basename(name))
  assert.deepEqual(parsed.announce, [...trackers, 'wss://b.example'])
  assert.deepEqual(parsed.urlList, seeds)
  assert.equal(parsed.xl, '20000')
})

test('magnet links of magnet-uri are read in full by shoal', async () => {
  const infoHash = 'dd8255ecdc7ca55fb0bbf81323d87062db1f6d1c'
  const link = encodeMagnet({
    infoHash,
    name: 'a b+c é🐟',
    announce: ['wss://a/?x=1&y=2', 'ws://b'],
    urlList: ['https://w/a?b=c'],
    xs: 'https://x/t.torrent',
    peerAddresses: ['1.2.3.4:5'],
    so: ['0', '2-4']
  })
  const shown = await shoalJson('show', link)
  assert.deepEqual(shown, {
    name: 'a b+c é🐟',
    info_hash: infoHash,
    length: null,
    trackers: ['wss://a/?x=1&y=2', 'ws://b'],
    exact_sources: ['https://x/t.torrent'],
    acceptable_sources: [],
    web_seeds: ['https://w/a?b=c'],
    peers: ['1.2.3.4:5'],
    select_only: [[0, 0], [2, 4]]
  })
})
