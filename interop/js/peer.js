/**
 * js-libp2p in Node as a peer for tests and benchmarks of webrtc-direct. It prints JSON lines on
 * stdout; ../README.md describes them.
 */

import { isIP } from 'node:net'
import { parseArgs } from 'node:util'

import { DEFAULTS, dial, UsageError } from './dial.js'
import { createHost, stopHost } from './host.js'
import { serve } from './services.js'
import { watch } from './watch.js'

const USAGE = `usage: peer.js listen [--ip IP] [--port PORT]
       peer.js dial MULTIADDR [--version v1] [--count N] [--pings N] [--idle SECONDS]
           [--upload BYTES] [--download BYTES] [--perf-upload BYTES] [--perf-download BYTES]
           [--echo-size BYTES] [--echo-streams N] [--half-close] [--reset]
           [--close dialer|listener] [--timeout SECONDS]
       peer.js watch MULTIADDR [--active]`

// js-libp2p uses what older ones lack, and says so in the middle of a dial.
const OLDEST_NODE = 22

async function main (args) {
  if (parseInt(process.versions.node) < OLDEST_NODE) {
    const found = process.versions.node
    throw new Error(`Node ${OLDEST_NODE} or newer is needed, and this is ${found}: use node_modules/.bin/node`)
  }
  const [command, ...rest] = args
  if (command === 'listen') {
    const { values } = parse(rest, { ip: '127.0.0.1', port: 0 }, 0)
    await listen(values.ip, values.port)
  } else if (command === 'dial') {
    const { values, positionals } = parse(rest, DEFAULTS, 1)
    emit(await dial(positionals[0], values))
  } else if (command === 'watch') {
    const { values, positionals } = parse(rest, { active: false }, 1)
    await watch(positionals[0], values, emit)
    // It ends by a signal.
    await new Promise((resolve) => process.once('SIGTERM', resolve))
  } else {
    throw new UsageError('expected listen, or dial or watch and a multiaddr')
  }
}

async function listen (ip, port) {
  const family = isIP(ip)
  if (family === 0 || port > 65535) {
    throw new UsageError(`cannot listen on ${ip}, port ${port}`)
  }
  const host = await createHost({ listen: [`/ip${family}/${ip}/udp/${port}/webrtc-direct`] })
  host.addEventListener('connection:open', ({ detail }) => emitConnection('connected', detail))
  host.addEventListener('connection:close', ({ detail }) => emitConnection('disconnected', detail))
  await serve(host, emit)
  const stopped = new Promise((resolve) => {
    process.once('SIGTERM', resolve)
    process.once('SIGINT', resolve)
  })
  emit({ event: 'listening', peer_id: host.peerId.toString(), addresses: host.getMultiaddrs().map(String) })
  await stopped
  await stopHost(host)
}

/** Parse options whose names and types are those of `defaults`: --perf-upload becomes `perfUpload`. */
function parse (args, defaults, positionalCount) {
  const names = {}
  const options = {}
  for (const [name, value] of Object.entries(defaults)) {
    const option = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
    names[option] = name
    options[option] = { type: typeof value === 'boolean' ? 'boolean' : 'string' }
  }
  let parsed
  try {
    parsed = parseArgs({ args, options, allowPositionals: true })
  } catch (error) {
    throw new UsageError(error.message, { cause: error })
  }
  if (parsed.positionals.length !== positionalCount) {
    const problem = positionalCount === 0 ? `unexpected argument ${parsed.positionals[0]}` : 'expected one multiaddr'
    throw new UsageError(problem)
  }
  const values = { ...defaults }
  for (const [option, value] of Object.entries(parsed.values)) {
    const name = names[option]
    values[name] = typeof defaults[name] === 'number' ? number(option, value) : value
  }
  return { values, positionals: parsed.positionals }
}

function number (option, text) {
  if (!/^\d+(\.\d+)?$/.test(text)) {
    throw new UsageError(`--${option} is a number, not ${JSON.stringify(text)}`)
  }
  return Number(text)
}

function emitConnection (event, connection) {
  // Of the multiaddr, the IP address and the UDP port.
  const remote = connection.remoteAddr.toString().split('/').slice(0, 5).join('/')
  emit({ event, peer_id: connection.remotePeer.toString(), remote })
}

/** Print one line of JSON; writes to a pipe or file are synchronous. */
function emit (event) {
  process.stdout.write(JSON.stringify(event) + '\n')
}

let code = 0
try {
  await main(process.argv.slice(2))
} catch (error) {
  const isUsage = error instanceof UsageError
  if (isUsage) {
    console.error(USAGE)
  }
  const text = isUsage || error.name === 'Error' ? error.message : `${error.name}: ${error.message}`
  console.error('error:', text.replace(/\s+/g, ' '))
  code = isUsage ? 2 : 1
}
// The native library's threads would keep the process alive.
process.exit(code)
