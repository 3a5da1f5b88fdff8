// Hosts of their own on one machine, in network namespaces: a public one, a router that translates addresses, and one behind it.

import { execFileSync } from 'node:child_process'

const run = (...words) => execFileSync(words[0], words.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] })
/** Tells whether namespaces may be made here; if not, why. */
export function refusal() {
  const probe = `shoal-probe-${process.pid}`
  try {
    run('nft', '--version')
    run('ip', 'netns', 'add', probe)
    run('ip', 'netns', 'delete', probe)
    return null
  } catch (error) {
    return `no network namespaces here: ${(error.stderr?.toString() || error.message).trim()}`
  }
}

/** Namespaces of these names with nothing in them: `{name, within}`, `within` being a prefix of commands. */
export function namespaces(test, ...names) {
  return names.map(word => {
    const name = `shoal-${word}-${process.pid}`
    test.after(() => { try { run('ip', 'netns', 'delete', name) } catch {} })
    run('ip', 'netns', 'add', name)
    const within = ['ip', 'netns', 'exec', name]
    run(...within, 'ip', 'link', 'set', 'lo', 'up')
    return { name, within }
  })
}

/**
 * A public host at 198.51.100.2 (TEST-NET-2, RFC 5737), and one at 10.99.0.2 behind a router that gives everything from it its
 * own address, 198.51.100.1, and lets nothing in that was not asked for. `outside` and `inside` are prefixes of commands.
 */
export function natted(test) {
  const [outside, router, inside] = namespaces(test, 'outside', 'router', 'inside').map(({ name }) => name)
  const within = name => ['ip', 'netns', 'exec', name]
  const wire = (name, address, interfaceOfRouter, addressOfRouter) => {
    run('ip', 'link', 'add', 'wire', 'netns', name, 'type', 'veth', 'peer', 'name', interfaceOfRouter, 'netns', router)
    run(...within(name), 'ip', 'address', 'add', address, 'dev', 'wire')
    run(...within(name), 'ip', 'link', 'set', 'wire', 'up')
    run(...within(router), 'ip', 'address', 'add', addressOfRouter, 'dev', interfaceOfRouter)
    run(...within(router), 'ip', 'link', 'set', interfaceOfRouter, 'up')
  }
  wire(outside, '198.51.100.2/24', 'wan', '198.51.100.1/24')
  wire(inside, '10.99.0.2/24', 'lan', '10.99.0.1/24')
  run(...within(inside), 'ip', 'route', 'add', 'default', 'via', '10.99.0.1')
  run(...within(router), 'sysctl', '-qw', 'net.ipv4.ip_forward=1')
  run(...within(router), 'nft', [
    'add table ip nat', 'add chain ip nat out { type nat hook postrouting priority srcnat; }', 'add rule ip nat out oif wan masquerade',
    'add chain ip nat pass { type filter hook forward priority filter; policy drop; }', 'add rule ip nat pass iif lan accept',
    'add rule ip nat pass ct state established,related accept',
  ].join('; '))
  return { outside: within(outside), inside: within(inside), address: '198.51.100.2' }
}
