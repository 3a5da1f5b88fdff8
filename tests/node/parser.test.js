// What bittorrent-tracker's parser makes of a message, ours must make of it, too; but for the
// differences that are wanted. Each of those has a name, a reason, and its row in the
// specification's appendix B.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'

import { any, message } from './messages.js'
import { generator } from './shoal.js'

// The package does not export its parser: it is taken from its file.
const theirs = (await import(new URL('node_modules/bittorrent-tracker/lib/server/parse-websocket.js', import.meta.url))).default
const example = path.join(path.dirname(process.env.SHOAL_BIN), 'examples', 'parse')
const specification = readFileSync(new URL('../../docs/webtorrent-tracker-protocol.md', import.meta.url), 'utf8')

const seed = Number(process.env.SHOAL_SEED ?? 1)
const COUNT = 5_000

const isObject = value => typeof value === 'object' && value !== null && !Array.isArray(value)
const isWide = text => typeof text === 'string' && /[^\0-\xff]/.test(text)
const isName = id => typeof id === 'string' && [...id].length >= 1 && [...id].length <= 64 && id.isWellFormed()
const isAmount = value => typeof value === 'number' || (typeof value === 'string' && /^[\d.e+-]+$/.test(value))
const isOffer = offer => isObject(offer) && isObject(offer.offer) && isName(offer.offer_id) && isShallow(offer.offer)
const isShallow = (value, depth = 0) =>
  typeof value !== 'object' || value === null || (depth < 8 && Object.values(value).every(inner => isShallow(inner, depth + 1)))
const idsOf = m => [m.info_hash, m.peer_id, m.to_peer_id].flat()

/** The wanted differences: in what they show, and when. */
const wanted = [
  {
    name: 'an id with a character above U+00FF is no 20 bytes',
    row: 'characters above U+00FF in ids',
    in: 'kind',
    when: m => idsOf(m).some(isWide)
  },
  {
    name: 'an answer is an object that every client can read',
    row: 'an `answer` that is no object',
    in: 'kind',
    when: m => m.action === 'announce' && m.answer !== undefined && m.answer !== null && !(isObject(m.answer) && isShallow(m.answer))
  },
  {
    name: 'an answer names its offer',
    row: '`offer_id`',
    in: 'kind',
    when: m => isObject(m.answer) && !isName(m.offer_id)
  },
  {
    name: 'an answer is no larger than clients take',
    row: 'an `answer` of more than 16 KiB',
    in: 'kind',
    when: m => isObject(m.answer) && JSON.stringify(m.answer).length > 16 * 1024
  },
  {
    name: 'a scrape asks for strings',
    row: 'ended by',
    in: 'kind',
    when: m => m.action === 'scrape' && !['string', 'undefined'].includes(typeof m.info_hash) && m.info_hash !== null && !Array.isArray(m.info_hash)
  },
  {
    name: 'a scrape asks for so many torrents at most',
    row: 'torrents of a scrape',
    in: 'kind',
    when: m => m.action === 'scrape' && m.info_hash?.length > 100
  },
  {
    name: 'only a peer that says 0 is a seed',
    row: '`left: null`',
    in: 'left',
    when: m => !isAmount(m.left)
  },
  {
    name: 'an event that is not known is the sign of life of a leecher that pauses',
    row: 'unknown `event`',
    in: 'event',
    when: m => !['started', 'completed', 'stopped'].includes(m.event)
  },
  {
    name: 'a bad offer is left out alone',
    row: 'a bad offer among others',
    in: 'offers',
    when: m => !(Array.isArray(m.offers) && m.offers.every(isOffer))
  },
  {
    name: 'so many offers of an announce are kept at most',
    row: 'limit on offers',
    in: 'offers',
    when: m => m.offers?.length > 20
  },
  {
    name: 'numwant is obeyed',
    row: '`numwant`',
    in: 'offers',
    when: m => m.numwant !== undefined
  }
]

/** What a parser makes of a message, in the words of both. */
function byThem (text) {
  let m
  try {
    m = theirs({}, {}, text)
  } catch {
    return { kind: 'refused' }
  }
  if (m.action === 2) return { kind: 'scrape', info_hashes: m.info_hash ?? null }
  const { info_hash, peer_id } = m
  if (m.answer) return { kind: 'answer', info_hash, peer_id, to_peer_id: m.to_peer_id, answer: m.answer }
  const left = m.left >= 0 && m.left < Infinity ? Math.min(Math.ceil(m.left), 2 ** 64) : null
  return { kind: 'announce', info_hash, peer_id, left, event: m.event ?? 'update', offers: m.numwant }
}

function byUs (told) {
  delete told.reason
  if (told.kind !== 'announce') return told
  const { kind, info_hash, peer_id, left, event, offers, numwant } = told
  return { kind, info_hash, peer_id, left, event, offers: Math.min(offers.length, numwant ?? Infinity) }
}

const json = value => JSON.stringify(value)

test(`of ${COUNT} messages ours reads what bittorrent-tracker's reads, but for the wanted differences (seed ${seed})`, () => {
  const random = generator(seed)
  const texts = Array.from({ length: COUNT }, () => random(50) ? json(message(random)) : any(random))
  const input = texts.map(json).join('\n') + '\n'
  const lines = execFileSync(example, { input, encoding: 'utf8', maxBuffer: 1 << 28 }).trimEnd().split('\n')
  assert.equal(lines.length, COUNT)

  const seen = new Set()
  const kinds = new Set()
  const unwanted = []
  texts.forEach((text, index) => {
    const [them, us] = [byThem(text), byUs(JSON.parse(lines[index]))]
    kinds.add(us.kind)
    const fields = them.kind === us.kind ? Object.keys(them) : ['kind']
    for (const field of fields.filter(field => !isDeepStrictEqual(them[field], us[field]))) {
      const m = parsed(text)
      const rules = wanted.filter(rule => rule.in === field && m && rule.when(m))
      rules.forEach(rule => seen.add(rule.name))
      if (rules.length === 0) unwanted.push({ field, text: text.slice(0, 1000), them: them[field], us: us[field] })
    }
  })
  assert.deepEqual(unwanted.slice(0, 5), [])
  assert.deepEqual(wanted.filter(rule => !seen.has(rule.name)).map(rule => rule.name), [], 'never met')
  assert.deepEqual([...kinds].sort(), ['announce', 'answer', 'refused', 'scrape'])
})

test('every wanted difference has its row in the specification', () => {
  const rows = wanted.map(rule => rule.row).filter(row => !specification.includes(`\n| ${row} |`))
  assert.deepEqual(rows, [])
})

function parsed (text) {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
