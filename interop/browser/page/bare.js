/** The entry of bare.html: `window.interop.dial` does what `dial` of the other programs does. */
import { dial } from './client/connection.js'
import { Identity } from './client/identity.js'
import { identify } from './client/identify.js'
import { milliseconds, runSteps } from './cell/steps.js'

const ECHO_PROTOCOL = '/echo/1.0.0'
const ECHO_EVERY_MS = 500

let current = null

window.interop = {
  /** @param {string} address @param {object} options of `dial`, in camel case @returns {Promise<object>} the result */
  async dial (address, options) {
    show(`dialing ${address}`)
    try {
      const result = await run(address, options)
      show(`done: ${JSON.stringify(result, null, 1)}`)
      return result
    } catch (error) {
      show(`failed: ${error.message}`)
      throw error
    }
  },
  /**
   * Hold a connection and tell of it: `connected`, `stream-ended`, `ended`, the last two with the client's words.
   * @param {string} address @param {{version: string, active: boolean}} options active: a byte goes to and fro all
   *   the time @param {(event: object) => void} tell
   */
  async watch (address, { version, active }, tell) {
    current = await dial(address, { version })
    current.closed.then((detail) => tell({ event: 'ended', detail }))
    if (active) {
      const stream = await current.openStream(ECHO_PROTOCOL)
      // The first one is there before anything may happen to the other end.
      await echo(stream)
      keepEchoing(stream).catch((error) => tell({ event: 'stream-ended', detail: error.message }))
    }
    tell({ event: 'connected' })
  },
  /** End the connection that a dial uses now, if there is one. */
  close: () => current?.close()
}

// Without this a listener hears nothing from a tab that is closed, and waits until silence is proof.
window.addEventListener('pagehide', () => current?.close())

async function run (address, options) {
  const identity = await Identity.generate()
  const { version, count } = options
  const result = { event: 'result', local_peer_id: identity.peerId, address, version, connect_ms: [], identify_ms: [] }
  for (let index = 1; index <= count; index++) {
    const started = performance.now()
    current = await dial(address, { version, identity })
    result.connect_ms.push(milliseconds(started))
    try {
      const identifying = performance.now()
      const info = await identify(current)
      result.identify_ms.push(milliseconds(identifying))
      Object.assign(result, { peer_id: current.peerId, ...info })
      if (index === count) Object.assign(result, await runSteps(current, options))
    } finally {
      current.close()
    }
  }
  return result
}

async function keepEchoing (stream) {
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, ECHO_EVERY_MS))
    await echo(stream)
  }
}

async function echo (stream) {
  await stream.write(Uint8Array.of(1))
  await stream.readExactly(1)
}

function show (text) {
  document.querySelector('#log').append(`${text}\n`)
}
