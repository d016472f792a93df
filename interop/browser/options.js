/** The command line: the `dial` of the other programs, and what only browsers can do. */
import { parseArgs } from 'node:util'
import { FIELD_TRIALS } from './browsers.js'
import { GENESIS_HASH } from './page/chain.js'

export const USAGE = `usage: drive.js dial MULTIADDR --peer bare|js|python|smoldot --browser chromium|firefox [--version v1|v2]
           [--count N] [--pings N] [--idle SECONDS] [--upload BYTES] [--download BYTES]
           [--perf-upload BYTES] [--perf-download BYTES] [--echo-size BYTES] [--echo-streams N]
           [--half-close] [--reset] [--close dialer|listener] [--field-trial no-munging|no-pqc]
           [--timeout SECONDS]
       drive.js smoldot MULTIADDR [--seconds N] [--pings N]
           it ends after N seconds, or after N pings, an answer to identify and an open gossip link;
           MULTIADDR of examples/smoldot_peer.py ${GENESIS_HASH}
       drive.js bad wrong-certhash|wrong-peer-id|dead-port|tab-closed|browser-killed
           [--peer bare|js|python] [--browser chromium|firefox] [--version v1|v2] [--timeout SECONDS] -- LISTENER...
           LISTENER: the program and words that run ../python_peer.py listen`

/** The command line cannot be used. */
export class UsageError extends Error {}

export const BAD_KINDS = ['wrong-certhash', 'wrong-peer-id', 'dead-port', 'tab-closed', 'browser-killed']

/** What the cell has; the pages take it under these names. Sizes are bytes, times are seconds. */
const CELL = {
  count: 1,
  pings: 0,
  idle: 0,
  upload: 0,
  download: 0,
  perfUpload: 0,
  perfDownload: 0,
  echoSize: 0,
  echoStreams: 1,
  halfClose: false,
  reset: false,
  close: 'dialer'
}
const PAGE = { peer: 'bare', browser: 'chromium', version: 'v1', timeout: 120 }
const COMMANDS = {
  dial: { ...PAGE, ...CELL, fieldTrial: '' },
  // Three of its pings, which it sends every 20 s. No number of pings: all of the time.
  smoldot: { seconds: 45, pings: 0 },
  bad: PAGE
}
const CHOICES = {
  peer: ['bare', 'js', 'python', 'smoldot'],
  browser: ['chromium', 'firefox'],
  version: ['v1', 'v2'],
  close: ['dialer', 'listener'],
  fieldTrial: ['', ...Object.keys(FIELD_TRIALS)]
}
/** js-libp2p and smoldot dial v1 alone, and smoldot does what it wants to do on a connection. */
const SMOLDOT_TAKES = ['pings', 'timeout', 'peer', 'browser', 'version', 'fieldTrial']

/**
 * @param {string[]} words
 * @returns {{command: string, target: string, options: object}} `options.listener`: the words after the target of `bad`
 * @throws {UsageError}
 */
export function parseOptions (words) {
  const [command, ...rest] = words
  if (!Object.hasOwn(COMMANDS, command ?? '')) throw new UsageError('expected dial, smoldot or bad')
  const defaults = COMMANDS[command]
  const { values, positionals } = parse(rest, defaults)
  const [target, ...listener] = positionals
  if (target === undefined || (listener.length > 0) !== (command === 'bad')) {
    throw new UsageError(`${command} takes one argument${command === 'bad' ? ' and the command of a listener' : ''}`)
  }
  const options = { ...defaults, listener }
  for (const [word, value] of Object.entries(values)) {
    const name = camelCase(word)
    options[name] = typeof defaults[name] === 'number' ? number(word, value) : value
  }
  check(command, target, options)
  return { command, target, options }
}

/** @param {object} options of `dial` @returns {object} those that a page takes */
export function pageOptions (options) {
  const names = [...Object.keys(CELL), 'version', 'timeout']
  return Object.fromEntries(names.map((name) => [name, options[name] ?? CELL[name]]))
}

function parse (args, defaults) {
  const types = Object.entries(defaults).map(([name, value]) => [
    dashed(name),
    { type: typeof value === 'boolean' ? 'boolean' : 'string' }
  ])
  try {
    return parseArgs({ args, options: Object.fromEntries(types), allowPositionals: true })
  } catch (error) {
    throw new UsageError(error.message)
  }
}

function check (command, target, options) {
  for (const [name, choices] of Object.entries(CHOICES)) {
    if (name in options && !choices.includes(options[name])) {
      throw new UsageError(`--${dashed(name)} is one of ${choices.filter(Boolean).join(', ')}`)
    }
  }
  const { peer } = options
  if (command === 'bad' && !BAD_KINDS.includes(target)) throw new UsageError(`there is no ${target}`)
  if (command === 'bad' && peer === 'smoldot') throw new UsageError('bad is for pages that show what went wrong')
  if ((peer === 'js' || peer === 'smoldot') && options.version !== 'v1') throw new UsageError(`${peer} dials v1 alone`)
  if (peer === 'smoldot' && options.browser !== 'chromium') throw new UsageError('smoldot refuses loopback in Firefox')
  if (options.fieldTrial && options.browser !== 'chromium') throw new UsageError('--field-trial is for Chromium')
  if (options.count < 1 || options.echoStreams < 1) throw new UsageError('--count and --echo-streams are at least 1')
  const extra = Object.keys(CELL).find((name) => options[name] !== CELL[name] && !SMOLDOT_TAKES.includes(name))
  if (peer === 'smoldot' && extra !== undefined) throw new UsageError(`smoldot cannot be asked for --${dashed(extra)}`)
}

function number (word, text) {
  if (!/^\d+(\.\d+)?$/.test(text)) throw new UsageError(`--${word} is a number`)
  return Number(text)
}

const dashed = (name) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
const camelCase = (word) => word.replace(/-([a-z])/g, (_, letter) => letter.toUpperCase())
