#!/usr/bin/env node
/**
 * Browsers as peers for tests and benchmarks of webrtc-direct. It prints JSON lines on stdout;
 * ../README.md describes them.
 */
import { beBad } from './bad.js'
import { pageOptions, parseOptions, USAGE, UsageError } from './options.js'
import { dialInPage, withBrowser } from './session.js'
import { runSmoldot } from './smoldot.js'

/** Longer than a browser takes to start and to end. */
const OVERHEAD_SECONDS = 60

const COMMANDS = {
  async dial (address, options) {
    if (options.peer === 'smoldot') return await dialWithSmoldot(address, options)
    return await withBrowser(options, async ({ open }) => {
      const page = await open(options.peer)
      return await dialInPage(page, address, pageOptions(options))
    })
  },

  async smoldot (address, { seconds, pings }) {
    const enough = (seen) => pings > 0 && seen.pingMs.length >= pings && seen.agent !== null && seen.gossipOpen
    const seen = await runSmoldot(address, { timeout: seconds + OVERHEAD_SECONDS }, async (seen) => {
      const sleep = new Promise((resolve) => setTimeout(resolve, seconds * 1000))
      // A panic is a part of the result.
      await Promise.race([sleep, seen.when(() => enough(seen)).catch(() => {})])
    })
    return {
      event: 'result',
      address,
      connected: seen.connected,
      handshake_finished: seen.handshakeFinished,
      connect_ms: seen.connectMs,
      ping_ms: seen.pingMs,
      agent: seen.agent,
      gossip_open: seen.gossipOpen,
      panics: seen.panics
    }
  },

  bad: beBad
}

/** smoldot pings at once and then every 20 s; all else that the cell has, it cannot be asked for. */
async function dialWithSmoldot (address, options) {
  const enough = (seen) => seen.agent !== null && seen.pingMs.length >= Math.max(1, options.pings)
  const seen = await runSmoldot(address, options, (seen) => seen.when(() => enough(seen)))
  const notAsked = ['idle_ping_ms', 'upload', 'download', 'perf_upload', 'perf_download', 'echo', 'half_close', 'reset']
  return {
    event: 'result',
    // A fresh one for each connection, which smoldot does not tell.
    local_peer_id: null,
    peer_id: seen.peerId,
    address,
    version: 'v1',
    agent: seen.agent,
    protocols: seen.protocols,
    connect_ms: seen.connectMs,
    identify_ms: [],
    ping_ms: seen.pingMs,
    ...Object.fromEntries(notAsked.map((name) => [name, null])),
    closed_after_ms: null,
    gossip_open: seen.gossipOpen
  }
}

let code = 0
try {
  const { command, target, options } = parseOptions(process.argv.slice(2))
  const result = await COMMANDS[command](target, options)
  process.stdout.write(`${JSON.stringify(result)}\n`)
} catch (error) {
  code = error instanceof UsageError ? 2 : 1
  if (code === 2) console.error(USAGE)
  console.error('error:', error.message.replace(/\s+/g, ' '))
}
// What drives a browser may keep a timer.
process.exit(code)
