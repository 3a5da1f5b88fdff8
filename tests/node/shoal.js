// The binary under test, and generated input.

import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'

const binary = process.env.SHOAL_BIN
if (!binary) throw new Error('set SHOAL_BIN to the path of the shoal binary')

const run = promisify(execFile)

/** Runs shoal; gives its stdout as bytes. Rejects with `code` and `stderr`. */
export async function shoal (...args) {
  const options = { encoding: 'buffer', maxBuffer: 64 << 20, timeout: 120_000 }
  const { stdout } = await run(binary, args, options)
  return stdout
}

/** Runs shoal with --json; gives the object it prints. */
export async function shoalJson (...args) {
  return JSON.parse(await shoal(...args, '--json'))
}

/** A folder that is gone when the test ends. */
export async function scratch (t) {
  const folder = await mkdtemp(path.join(tmpdir(), 'shoal-node-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** Numbers in [0, below), the same for the same seed (mulberry32). */
export function generator (seed) {
  return below => {
    seed = (seed + 0x6d2b79f5) | 0
    let n = Math.imul(seed ^ (seed >>> 15), seed | 1)
    n ^= n + Math.imul(n ^ (n >>> 7), n | 61)
    return ((n ^ (n >>> 14)) >>> 0) % below
  }
}

const names = [
  'a', 'A', 'b', 'b.txt', 'b-x', 'b b', 'Z', '10', '9', '_', '~x', '#', '%41', '100%', "it's", '(1)',
  '+', '&=', 'ä', 'a\u0308', 'ελ', '日本', '🐟', '\uff01', '!', '@', 'very long '.repeat(20), 'x.tar.gz',
  '-', ' lead', 'trail ', 'tab\tname', '"', '$HOME', '`', '*', '?'
]
const litter = ['.hidden', '.DS_Store', 'Thumbs.db', 'desktop.ini', 'old~', '__MACOSX', 'npm-debug.log']

/** Fills `folder` with files of lengths round the borders of pieces. */
export async function tree (random, folder, pieceLength, depth = 0) {
  await mkdir(folder, { recursive: true })
  const count = 1 + random(6)
  for (let i = 0; i < count; i++) {
    const pool = random(8) === 0 ? litter : names
    const name = pool[random(pool.length)]
    if (depth < 3 && random(3) === 0) {
      await tree(random, path.join(folder, `${name}.d`), pieceLength, depth + 1)
    } else {
      await file(random, path.join(folder, name), length(random, pieceLength))
    }
  }
  // At least one file that is no litter.
  if (depth === 0) await file(random, path.join(folder, 'zz'), length(random, pieceLength))
}

function length (random, pieceLength) {
  const round = [0, 1, pieceLength - 1, pieceLength, pieceLength + 1, 3 * pieceLength, 777]
  return random(2) ? round[random(round.length)] : random(3 * pieceLength)
}

/** Writes `length` bytes that differ from piece to piece. */
export async function file (random, name, length) {
  const bytes = Buffer.alloc(length)
  for (let at = 0; at < length; at += 997) bytes[at] = random(256)
  await writeFile(name, bytes)
}

/** Makes a file of zeros that takes no space. */
export async function sparse (name, length) {
  await writeFile(name, '')
  await truncate(name, length)
}
