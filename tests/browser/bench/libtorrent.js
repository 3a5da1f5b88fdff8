// A libtorrent peer, the WebTorrent client of qBittorrent and others: see libtorrent/peer.py.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { eventually } from './eventually.js'

const folder = path.resolve(import.meta.dirname, '../libtorrent')
const PATIENCE_MS = 90_000

export class Libtorrent {
  events = []
  #stderr = ''

  /**
   * Starts a peer of `source`, a magnet link or the path of a .torrent, with its content in `at`; `test` stops it at its end.
   * The file number `skip` is not wanted; `prefix` is a program that becomes another, as for `Shoal.startBy`.
   */
  constructor(test, source, at, { skip, prefix = [] } = {}) {
    const python = path.join(folder, '.venv/bin/python')
    const [program, ...rest] = [...prefix, python, path.join(folder, 'peer.py'), source, at, ...skip === undefined ? [] : [String(skip)]]
    this.child = spawn(program, rest, { stdio: ['pipe', 'pipe', 'pipe'] })
    this.exit = once(this.child, 'exit')
    createInterface({ input: this.child.stdout }).on('line', line => this.events.push(JSON.parse(line)))
    this.child.stderr.setEncoding('utf8').on('data', text => { this.#stderr = (this.#stderr + text).slice(-20_000) })
    test.after(() => this.kill())
  }

  /** Kills as a crash does, and waits until the process is gone. */
  async kill() {
    this.child.kill('SIGKILL')
    await this.exit
  }

  /** Waits for an event for which `wanted` holds. */
  event(what, wanted) {
    return eventually(what, PATIENCE_MS, () => {
      if (this.child.exitCode !== null) throw new Error(`libtorrent ended: ${this.#stderr}`)
      const wrong = this.events.find(({ event }) => event === 'error' || event === 'tracker_error')
      if (wrong) throw new Error(wrong.message)
      return this.events.find(wanted)
    })
  }

  finished() { return this.event('libtorrent has everything', ({ event }) => event === 'finished') }

  /** Waits until the tracker has answered an announce with `kind`: `started`, `completed`, `paused`. */
  async announced(kind) {
    await this.event(`it announces ${kind}`, ({ event, message }) => event === 'announced' && message.includes(`(${kind})`))
    const sent = this.events.findIndex(({ event, message }) => event === 'announced' && message.includes(`(${kind})`))
    return this.event('the tracker answers', event => event.event === 'tracker_reply' && this.events.indexOf(event) > sent)
  }

  /** Announces at once. */
  announce() { this.child.stdin.write('announce\n') }
}
