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
export function natted(test, { udp = true } = {}) {
  const [outside] = namespaces(test, 'outside')
  return { outside: outside.within, inside: behindRouter(test, outside, '198.51.100', KEPT, udp ? [] : WITHOUT_UDP), address: '198.51.100.2' }
}

/** What routers make of ports (RFC 4787 §4.1): keep them where they can, or another for every destination. */
export const KEPT = 'masquerade'
export const ANOTHER = 'masquerade random,fully-random'

/** Has a router let no UDP through, as some firewalls do. */
const WITHOUT_UDP = ['insert rule ip nat pass meta l4proto udp drop']

/** Two hosts, each behind a router, and a public one at 198.51.100.2 that both reach and that passes on between the routers. */
export function apart(test, ports) {
  const [outside] = namespaces(test, 'outside')
  run(...outside.within, 'sysctl', '-qw', 'net.ipv4.ip_forward=1')
  const [one, other] = ['198.51.100', '203.0.113'].map(net => behindRouter(test, outside, net, ports))
  return { outside: outside.within, one, other, address: '198.51.100.2' }
}

/** A host at 10.99.0.2 behind a router at NET.1, which `outside` reaches from NET.2: the prefix of its commands. */
function behindRouter(test, outside, net, ports, rules = []) {
  const [router, inside] = namespaces(test, `router-${net}`, `inside-${net}`)
  const wire = (host, address, interfaceOfRouter, addressOfRouter) => {
    const name = `to-${net}`
    run('ip', 'link', 'add', name, 'netns', host.name, 'type', 'veth', 'peer', 'name', interfaceOfRouter, 'netns', router.name)
    run(...host.within, 'ip', 'address', 'add', address, 'dev', name)
    run(...host.within, 'ip', 'link', 'set', name, 'up')
    run(...router.within, 'ip', 'address', 'add', addressOfRouter, 'dev', interfaceOfRouter)
    run(...router.within, 'ip', 'link', 'set', interfaceOfRouter, 'up')
  }
  wire(outside, `${net}.2/24`, 'wan', `${net}.1/24`)
  wire(inside, '10.99.0.2/24', 'lan', '10.99.0.1/24')
  run(...inside.within, 'ip', 'route', 'add', 'default', 'via', '10.99.0.1')
  run(...router.within, 'ip', 'route', 'add', 'default', 'via', `${net}.2`)
  run(...router.within, 'sysctl', '-qw', 'net.ipv4.ip_forward=1')
  run(...router.within, 'nft', [
    'add table ip nat', 'add chain ip nat out { type nat hook postrouting priority srcnat; }', `add rule ip nat out oif wan ${ports}`,
    'add chain ip nat pass { type filter hook forward priority filter; policy drop; }', 'add rule ip nat pass iif lan accept',
    'add rule ip nat pass ct state established,related accept',
    // What comes unasked leaves no trace: otherwise its port would count as taken.
    'add chain ip nat in { type filter hook input priority filter; }', 'add rule ip nat in iif wan ct state new drop', ...rules,
  ].join('; '))
  return inside.within
}
