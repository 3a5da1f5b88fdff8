// Runs the real binary, as a user would, and reads its JSON lines.

import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { eventually } from './eventually.js'

const root = path.resolve(import.meta.dirname, '../../..')
const binary = process.env.SHOAL_BIN ?? path.join(process.env.CARGO_TARGET_DIR ?? path.join(root, 'target'), 'debug/shoal')

/** WebRTC on loopback alone: nothing of a test leaves the machine. */
const LOOPBACK = ['--rtc-listen', '127.0.0.1:0']
const START_MS = 30_000
const STOP_MS = 6_000

export class Shoal {
  events = []
  #stderr = ''

  /** Starts `shoal …args --json` and waits for its ready line; `test` (of node:test) stops it at its end. */
  static start(test, ...args) {
    return Shoal.startBy([], test, ...args)
  }

  /** As `start`, by a program that becomes another: `['ip', 'netns', 'exec', NAME]`. */
  static async startBy(prefix, test, ...args) {
    const shoal = new Shoal(prefix, args)
    test.after(() => shoal.kill())
    shoal.ready = await eventually(`${args[0]} is ready`, START_MS, () => {
      if (shoal.child.exitCode !== null) throw new Error(`shoal ended: ${shoal.#stderr}`)
      return shoal.events.find(({ event }) => event === 'ready')
    })
    return shoal
  }

  static share(test, content, ...args) {
    return Shoal.start(test, 'share', content, '--listen', '127.0.0.1:0', ...LOOPBACK, ...args)
  }

  static seed(test, content, tracker, ...args) {
    return Shoal.start(test, 'seed', content, '--tracker', tracker, ...LOOPBACK, ...args)
  }

  static tracker(test, listen = '127.0.0.1:0', ...args) {
    return Shoal.start(test, 'tracker', '--listen', listen, ...args)
  }

  /** Runs a command that ends by itself, and returns what it printed. */
  static async run(...args) {
    const { stdout } = await promisify(execFile)(binary, args)
    return stdout.trim()
  }

  constructor(prefix, args) {
    const [program, ...rest] = [...prefix, binary, ...args, '--json']
    this.child = spawn(program, rest, { stdio: ['ignore', 'pipe', 'pipe'] })
    this.exit = once(this.child, 'exit')
    createInterface({ input: this.child.stdout }).on('line', line => this.events.push(JSON.parse(line)))
    this.child.stderr.setEncoding('utf8').on('data', text => { this.#stderr = (this.#stderr + text).slice(-20_000) })
  }

  get stderr() { return this.#stderr }

  /** `host:port` of the page or tracker. */
  get address() { return new URL(this.ready.page ?? this.ready.tracker).host }

  /** Kills as a crash does, and waits until the process is gone. */
  async kill() {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill('SIGKILL')
    await this.exit
  }

  /** Asks to stop, and returns `{code, took}` in milliseconds. */
  async stop(signal = 'SIGTERM') {
    const asked = performance.now()
    this.child.kill(signal)
    const late = setTimeout(() => this.child.kill('SIGKILL'), STOP_MS)
    const [code] = await this.exit
    clearTimeout(late)
    return { code, took: performance.now() - asked }
  }

  /** Resident memory in bytes. */
  async resident() {
    const status = await readFile(`/proc/${this.child.pid}/status`, 'utf8')
    return Number(/VmRSS:\s+(\d+) kB/.exec(status)[1]) * 1024
  }

  /** User and system CPU seconds so far. */
  async cpuSeconds() {
    const fields = (await readFile(`/proc/${this.child.pid}/stat`, 'utf8')).split(') ')[1].split(' ')
    return (Number(fields[11]) + Number(fields[12])) / 100
  }
}
