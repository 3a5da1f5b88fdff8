// Trackers that are compared: how to get each from its registry, and how to start it on a port.
'use strict'

const { execFileSync, spawn } = require('node:child_process')
const fs = require('node:fs')
const net = require('node:net')
const path = require('node:path')

const root = path.join(__dirname, '..')
const target = process.env.CARGO_TARGET_DIR || path.join(root, 'target')
const cache = path.join(target, 'compare-trackers')
fs.mkdirSync(cache, { recursive: true })

const BITTORRENT_TRACKER = '11.2.3'
const AQUATIC = '0.9.0'

const servers = {
  shoal: {
    install (given) {
      if (!given) execFileSync('cargo', ['build', '--release', '--locked', '--bin', 'shoal'], { cwd: root, stdio: ['ignore', 2, 2] })
      this.file = path.resolve(given || path.join(target, 'release/shoal'))
      this.version = execFileSync(this.file, ['--version'], { encoding: 'utf8' }).trim()
    },
    command (port) {
      // A closed loop sends more than any client; all other limits are the defaults.
      const config = write('shoal.toml', `[[listen]]
addr = "127.0.0.1:${port}"
[limits]
sockets = 100000
messages_per_second = 1000000
message_burst = 1000000
bytes_per_second = 1000000000
byte_burst = 1000000000
`)
      return [this.file, 'tracker', '--config', config]
    }
  },
  'bittorrent-tracker': {
    version: `bittorrent-tracker ${BITTORRENT_TRACKER}, Node.js ${process.version}`,
    install () {
      execFileSync('npm', ['install', '--prefix', cache, '--no-save', '--ignore-scripts', '--omit=optional',
        '--no-audit', '--no-fund', '--loglevel=error', `bittorrent-tracker@${BITTORRENT_TRACKER}`], { stdio: ['ignore', 2, 2] })
    },
    command (port) {
      const file = write('bittorrent-tracker.mjs', `import Server from 'bittorrent-tracker/server'
const server = new Server({ udp: false, http: false, ws: true, stats: false })
server.on('warning', () => {})
server.listen(${port}, '127.0.0.1')
`)
      return [process.execPath, file]
    }
  },
  aquatic_ws: {
    version: `aquatic_ws ${AQUATIC}`,
    install () {
      const file = path.join(cache, 'bin', 'aquatic_ws')
      if (!fs.existsSync(file)) {
        // Not --locked: a dependency of the lock file is refused by compilers since Rust 1.9x.
        execFileSync('cargo', ['install', `aquatic_ws@${AQUATIC}`, '--root', cache, '--quiet'], {
          stdio: ['ignore', 2, 2],
          env: { ...process.env, CARGO_TARGET_DIR: path.join(cache, 'build') }
        })
      }
      this.file = file
    },
    command (port) {
      const config = write('aquatic_ws.toml', `log_level = "error"
[network]
address = "127.0.0.1:${port}"
`)
      return [this.file, '-c', config]
    }
  }
}

function write (name, text) {
  const file = path.join(cache, name)
  fs.writeFileSync(file, text)
  return file
}

/** Those of the servers `names` (all, if none) that can be got, told on stderr; ours, from the file `given` or built, must be among them. */
function install (names, given) {
  const present = []
  for (const name of new Set(['shoal', ...names])) {
    console.error(`${name}: getting it`)
    try {
      servers[name].install(given)
      if (names.includes(name)) present.push(name)
    } catch (error) {
      if (name === 'shoal') throw error
      console.error(`${name}: left out, for it does not install: ${error.message.split('\n')[0]}`)
    }
  }
  return present
}

const freePort = () => new Promise((resolve, reject) => {
  const server = net.createServer()
  server.on('error', reject)
  server.listen(0, '127.0.0.1', () => {
    const { port } = server.address()
    server.close(() => resolve(port))
  })
})

const connects = port => new Promise(resolve => {
  const socket = net.connect(port, '127.0.0.1')
  socket.on('connect', () => { socket.destroy(); resolve(true) })
  socket.on('error', () => resolve(false))
})

/** The command on a core, with as many files as may be open. */
const limited = (core, command) =>
  ['bash', ['-c', 'ulimit -n $(ulimit -Hn); exec taskset -c "$0" "$@"', core, ...command]]

/** Starts a server on core 0, again whenever it ends if `again`, and waits until it listens. */
async function start (server, { again = false } = {}) {
  const port = await freePort()
  const [file, args] = limited('0', server.command(port))
  let [child, gone, stopped, starts] = [null, null, false, 0]
  const run = () => {
    starts += 1
    child = spawn(file, args, { stdio: ['ignore', 'ignore', again ? 'ignore' : 'inherit'], cwd: cache })
    gone = new Promise(resolve => child.on('exit', () => {
      if (again && !stopped) run()
      resolve()
    }))
  }
  run()
  const deadline = Date.now() + 10_000
  while (!await connects(port)) {
    if ((child.exitCode !== null && !again) || Date.now() > deadline) {
      stopped = true
      child.kill('SIGKILL')
      throw new Error('the server does not listen')
    }
    await new Promise(resolve => setTimeout(resolve, 50))
  }
  const stop = async () => {
    stopped = true
    child.kill('SIGTERM')
    const hard = setTimeout(() => child.kill('SIGKILL'), 10_000)
    await gone
    clearTimeout(hard)
  }
  return { url: `ws://127.0.0.1:${port}`, pid: String(child.pid), starts: () => starts, stop }
}

module.exports = { install, limited, servers, start }
