/** The dialing side: connects, does the steps that its options ask for, and returns what `dial` prints. */

import { multiaddr } from '@multiformats/multiaddr'

import { named } from './errors.js'
import { createHost, stopHost } from './host.js'
import { Steps } from './steps.js'
import { milliseconds } from './timing.js'

/** @import { Connection } from '@libp2p/interface' */
/** @import { Multiaddr } from '@multiformats/multiaddr' */
/** @import { Libp2p } from 'libp2p' */

/** The options of `dial` and their defaults; ../README.md describes them. Sizes are bytes, times are seconds. */
export const DEFAULTS = {
  version: 'v1',
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
  close: 'dialer',
  timeout: 120
}

/** The address or an option is wrong; nothing was dialed. */
export class UsageError extends Error {
  name = 'UsageError'
}

/**
 * Dial `address` with a new identity, do what `options` ask for, and close.
 *
 * @param {string} address a multiaddr that ends with `/p2p/` and the peer id
 * @param {Partial<typeof DEFAULTS>} [options]
 * @param {AbortSignal} [signal] ends it early
 * @returns {Promise<object>} the result as ../README.md describes it
 * @throws {UsageError} the address or an option is wrong
 * @throws {Error} a step failed; the message begins with its name
 */
export async function dial (address, options = {}, signal = undefined) {
  const chosen = checked(options)
  const target = parsed(address)
  const deadline = AbortSignal.timeout(chosen.timeout * 1000)
  const ends = signal === undefined ? deadline : AbortSignal.any([deadline, signal])
  const host = await createHost()
  try {
    const dialing = new Dialer(host, target, chosen, ends)
    // Not each wait inside of the library ends with a signal.
    return await Promise.race([dialing.run(address), aborted(ends)])
  } catch (error) {
    if (deadline.aborted) {
      throw new Error(`not done within ${chosen.timeout} s: ${error.message}`, { cause: error })
    }
    throw error
  } finally {
    await stopHost(host)
  }
}

class Dialer {
  #host
  #target
  #options
  #signal

  /**
   * @param {Libp2p} host
   * @param {Multiaddr} target
   * @param {typeof DEFAULTS} options
   * @param {AbortSignal} signal
   */
  constructor (host, target, options, signal) {
    this.#host = host
    this.#target = target
    this.#options = options
    this.#signal = signal
  }

  async run (address) {
    const result = {
      event: 'result',
      local_peer_id: this.#host.peerId.toString(),
      address,
      version: this.#options.version,
      connect_ms: [],
      identify_ms: []
    }
    for (let index = 1; index <= this.#options.count; index++) {
      const connection = await this.#connect(result)
      await this.#identify(connection, result)
      if (index === this.#options.count) {
        Object.assign(result, await new Steps(connection, this.#signal).run(this.#options))
      }
      await named('close', connection.close({ signal: this.#signal }))
    }
    return result
  }

  async #connect (result) {
    const started = performance.now()
    const connection = await named('connect', this.#host.dial(this.#target, { force: true, signal: this.#signal }))
    result.connect_ms.push(milliseconds(started))
    return connection
  }

  /** @param {Connection} connection */
  async #identify (connection, result) {
    const started = performance.now()
    const info = await named('identify', this.#host.services.identify.identify(connection, { signal: this.#signal }))
    result.identify_ms.push(milliseconds(started))
    result.peer_id = info.peerId.toString()
    result.agent = info.agentVersion
    result.protocols = info.protocols.toSorted()
  }
}

/** @returns {typeof DEFAULTS} */
function checked (options) {
  const chosen = { ...DEFAULTS, ...options }
  for (const [name, value] of Object.entries(chosen)) {
    if (!Object.hasOwn(DEFAULTS, name)) {
      throw new UsageError(`there is no option ${name}`)
    }
    if (typeof value !== typeof DEFAULTS[name]) {
      throw new UsageError(`${name} is a ${typeof DEFAULTS[name]}, not ${JSON.stringify(value)}`)
    }
    const isTime = name === 'idle' || name === 'timeout'
    if (typeof value === 'number' && !(value >= 0 && (isTime ? Number.isFinite(value) : Number.isSafeInteger(value)))) {
      throw new UsageError(`${name} is ${value}, not a ${isTime ? 'number of seconds' : 'whole number'}`)
    }
  }
  if (chosen.count < 1 || chosen.echoStreams < 1) {
    throw new UsageError('count and echoStreams are at least 1')
  }
  if (chosen.version !== 'v1') {
    throw new UsageError(`js-libp2p dials v1 only, not ${JSON.stringify(chosen.version)}`)
  }
  if (chosen.close !== 'dialer' && chosen.close !== 'listener') {
    throw new UsageError(`close is dialer or listener, not ${JSON.stringify(chosen.close)}`)
  }
  return chosen
}

function parsed (address) {
  try {
    return multiaddr(address)
  } catch (error) {
    throw new UsageError(`not a multiaddr: ${address}: ${error.message}`, { cause: error })
  }
}

/** @param {AbortSignal} signal */
function aborted (signal) {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted()
    signal.addEventListener('abort', () => reject(signal.reason))
  })
}
