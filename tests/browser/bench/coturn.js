// coturn, the TURN server of Debian, as one would run it.

import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { folder } from './content.js'
import { eventually } from './eventually.js'

const START_MS = 20_000
export const LOGIN = 'shoal:secret'

/** Tells whether there is one; if not, why. */
export function lacking() {
  try {
    execFileSync('turnserver', ['--version'], { stdio: 'ignore' })
    return null
  } catch (error) {
    return error.code === 'ENOENT' ? 'no turnserver here, which Debian has in the package coturn' : null
  }
}

/** Starts it by `prefix` at `address`, on the usual port; resolves with what tells its log. */
export async function turnserver(test, prefix, address) {
  const at = await folder(test)
  const [program, ...rest] = [...prefix, 'turnserver', '-n', '--listening-ip', address, '--relay-ip', address, '--lt-cred-mech',
    '--user', LOGIN, '--realm', 'shoal.test', '--no-cli', '--no-tls', '--no-dtls', '--log-file', 'stdout', '--simple-log', '--verbose',
    '--userdb', path.join(at, 'turndb'), '--pidfile', path.join(at, 'pid')]
  const child = spawn(program, rest, { stdio: ['ignore', 'pipe', 'pipe'] })
  const exit = once(child, 'exit')
  let log = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', text => { log = (log + text).slice(-100_000) })
  test.after(async () => {
    child.kill('SIGKILL')
    await exit
  })
  await eventually('coturn listens', START_MS, () => {
    if (child.exitCode !== null) throw new Error(`coturn ended: ${log}`)
    return /IPv4\. UDP listener opened/.test(log)
  })
  return () => log
}
