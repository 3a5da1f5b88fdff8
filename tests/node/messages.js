// Messages of clients, mostly sound, each field now and then something else.

const latin = (random, length) =>
  Array.from({ length }, () => String.fromCharCode(random(256))).join('')

const pick = (random, values) => values[random(values.length)]

const odd = random => pick(random, [
  undefined, null, true, false, 0, 1, -1, 1.5, 1e300, '', '0', 'x', [], {}, [0], { a: 1 }, latin(random, 20)
])

const id = random => pick(random, [
  latin(random, 19), latin(random, 21), latin(random, 40), '', latin(random, 19) + 'Ā', '🐟'.repeat(10), '🐟'.repeat(20),
  latin(random, 19) + '\ud800', '\u0000'.repeat(20), odd(random)
])

/** Nested so deep; clients send one level. */
const nested = depth => depth === 0 ? { type: 'offer', sdp: 'v=0\r\n' } : { a: nested(depth - 1) }

const description = random => pick(random, [
  { type: 'offer', sdp: `v=0\r\n${random(1000)}` }, { type: 'answer', sdp: 'v=0\r\n' }, { sdp: 'x', more: [1, { a: null }] }, {}, nested(random(12))
])

const offer = random => random(6)
  ? { offer: description(random), offer_id: latin(random, 20) }
  : pick(random, [
    { offer: odd(random), offer_id: latin(random, 20) }, { offer: description(random), offer_id: id(random) },
    { offer: description(random) }, odd(random), null
  ])

const list = (random, most, value) => Array.from({ length: random(most) }, () => value(random))

const event = random => pick(random, [undefined, 'started', 'completed', 'stopped', 'update', 'paused', '<regular>', 'STARTED', odd(random)])

const amount = random => pick(random, [
  undefined, 0, 1, 5_000_000, 2 ** 53, -1, 0.5, -0.5, 1e300, '0', '17', '1.5', '-1', '', ' ', null, 'NaN', odd(random)
])

/** A message as an object. */
export function message (random) {
  const now = (value, others) => random(12) ? value : others(random)
  if (random(6) === 0) {
    const hashes = random(30) ? list(random, 5, r => r(8) ? latin(r, 20) : id(r)) : Array(101).fill(latin(random, 20))
    return { action: 'scrape', info_hash: pick(random, [latin(random, 20), hashes, hashes, undefined, id(random)]) }
  }
  const m = {
    action: now('announce', r => pick(r, ['scrape', 'Announce', '', 'announce ', odd(r)])),
    info_hash: now(latin(random, 20), id),
    peer_id: now(latin(random, 20), id),
    event: event(random),
    left: amount(random),
    uploaded: amount(random),
    downloaded: amount(random),
    numwant: random(4) ? undefined : pick(random, [0, 3, 50, 1000]),
    offers: random(2) ? undefined : pick(random, [list(random, 8, offer), list(random, 90, offer), odd(random)]),
    [pick(random, ['more', 'trackerid', '__proto__', 'constructor'])]: odd(random)
  }
  if (random(3) === 0) {
    const large = { type: 'answer', sdp: 'x'.repeat(17 * 1024) }
    m.answer = now(description(random), r => pick(r, [odd(r), large]))
    m.to_peer_id = now(latin(random, 20), id)
    m.offer_id = now(latin(random, 20), id)
  }
  return m
}

/** A text that may be no message, or one in another spelling. */
export function any (random) {
  const text = JSON.stringify(message(random))
  const cut = random(text.length)
  return pick(random, [
    text.slice(0, cut), text + text, ` \n\t${text}\r\n `, `[${text}]`, '\ufeff' + text, 'null', '1', '"announce"', '[]', '{}', '',
    text.slice(0, cut) + pick(random, ['"', '}', ',', '\\', '\u0000', '\n', '🐟']) + text.slice(cut),
    text.replace('{', '{"action":"scrape","info_hash":1,'),
    text.replace(/[\x80-\xff]/g, c => '\\u00' + c.charCodeAt(0).toString(16))
  ])
}
