// Content of known bytes in a folder of its own.

import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'

export const MB = 1_000_000

/** Bytes that repeat nowhere near a piece's length, the same for the same seed. */
export function noise(length, seed = 1) {
  const out = Buffer.allocUnsafe(length)
  let state = seed * 2654435761 >>> 0 || 1
  for (let at = 0; at < length; at += 4) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    if (at + 4 <= length) out.writeInt32LE(state, at)
    else for (let rest = at; rest < length; rest += 1) out[rest] = state >>> (8 * (rest - at))
  }
  return out
}

/** A temporary folder, removed when `test` ends. */
export async function folder(test) {
  const at = await mkdtemp(path.join(tmpdir(), 'shoal-browser-'))
  test.after(() => rm(at, { recursive: true, force: true }))
  return at
}

/** Writes `files` (name to bytes) below a temporary folder and returns its path. */
export async function tree(test, files) {
  const at = await folder(test)
  for (const [name, bytes] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(at, name)), { recursive: true })
    await writeFile(path.join(at, name), bytes)
  }
  return at
}

export const sha256 = bytes => createHash('sha256').update(bytes).digest('hex')

export async function sha256OfFile(file) {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(file)) hash.update(chunk)
  return hash.digest('hex')
}

/**
 * Copies the MP4 `from` to `to` with `padding` bytes of a `free` box before its second
 * half, so that the middle of the film is far from its start in the file.
 */
export async function stretch(from, to, padding) {
  const film = await readFile(from)
  const boxes = boxesOf(film, 0, film.length)
  const mdat = boxes.find(({ type }) => type === 'mdat')
  const offsets = findOffsets(film, 0, film.length)
  const all = offsets.flatMap(({ at, count }) => Array.from({ length: count }, (_, entry) => film.readUInt32BE(at + 4 * entry)))
  const middle = mdat.start + (mdat.end - mdat.start) / 2
  const cut = Math.min(...all.filter(offset => offset >= middle))
  // The padding is inside of mdat, which therefore grows by it.
  film.writeUInt32BE(mdat.end - mdat.start + padding, mdat.start)
  for (const { at, count } of offsets) {
    for (let entry = 0; entry < count; entry += 1) {
      const offset = film.readUInt32BE(at + 4 * entry)
      if (offset >= cut) film.writeUInt32BE(offset + padding, at + 4 * entry)
    }
  }
  const file = await open(to, 'w')
  await file.write(film.subarray(0, cut), 0, cut, 0)
  await file.write(film.subarray(cut), 0, film.length - cut, cut + padding)
  await file.close()
}

function boxesOf(film, from, to) {
  const boxes = []
  for (let start = from; start + 8 <= to;) {
    const end = start + film.readUInt32BE(start)
    boxes.push({ type: film.toString('latin1', start + 4, start + 8), start, end })
    start = end
  }
  return boxes
}

/** Where the chunk offsets of every track are: ISO/IEC 14496-12 §8.7.5. */
function findOffsets(film, from, to) {
  return boxesOf(film, from, to).flatMap(({ type, start, end }) => {
    if (['moov', 'trak', 'mdia', 'minf', 'stbl'].includes(type)) return findOffsets(film, start + 8, end)
    return type === 'stco' ? [{ at: start + 16, count: film.readUInt32BE(start + 12) }] : []
  })
}
