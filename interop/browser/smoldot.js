/** smoldot in a page: what it did is read from its log. */
import { withBrowser } from './session.js'

/**
 * @param {string} address of the boot node
 * @param {{timeout: number, fieldTrial?: string}} options
 * @param {(seen: Seen) => Promise<void>} until what it waits for before it ends smoldot
 * @returns {Promise<Seen>}
 */
export async function runSmoldot (address, options, until) {
  return await withBrowser({ ...options, browser: 'chromium' }, async ({ open }) => {
    const seen = new Seen()
    const page = await open('smoldot')
    page.on('pageerror', (error) => seen.failed(error))
    await page.exposeFunction('onSmoldotLog', (entry) => seen.log(entry))
    await page.exposeFunction('onIdentify', (info) => seen.identified(info))
    await page.evaluate(`window.interop.start(${JSON.stringify(address)})`)
    await until(seen)
    await page.evaluate('window.interop.close()')
    return seen
  })
}

/** What smoldot has done so far. */
export class Seen {
  connected = false
  handshakeFinished = false
  peerId = null
  connectMs = []
  pingMs = []
  agent = null
  protocols = null
  gossipOpen = false
  /** Lines of the log, or errors of the page, that mean that smoldot has ended itself. */
  panics = []
  #started = 0
  #changed = () => {}

  /** @param {() => boolean} condition @returns {Promise<void>} when it holds @throws {Error} smoldot panicked */
  async when (condition) {
    while (!condition()) {
      if (this.panics.length > 0) throw new Error(`smoldot panicked: ${this.panics[0]}`)
      await new Promise((resolve) => (this.#changed = resolve))
    }
  }

  /** @param {{at: number, level: number, target: string, message: string}} entry of smoldot's log */
  log ({ at, message }) {
    const [event] = message.split(';', 1)
    if (event === 'connection-started') this.#started = at
    // The first stream is that of the Noise handshake.
    if (event === 'substream-opened') this.connected = true
    if (event === 'handshake-finished') {
      this.handshakeFinished = true
      this.peerId = /peer_id=(\w+)/.exec(message)[1]
      this.connectMs.push(rounded(at - this.#started))
    }
    if (event === 'pong') this.pingMs.push(milliseconds(/ping_time=([\d.]+)(\S*)/.exec(message)))
    if (event === 'gossip-open-success') this.gossipOpen = true
    if (/panicked/i.test(message)) this.panics.push(message)
    this.#changed()
  }

  /** @param {Error} error that nobody in the page caught */
  failed (error) {
    this.panics.push(error.message)
    this.#changed()
  }

  /** @param {{agent: string, protocols: string[]}} info that the listener answered to identify */
  identified ({ agent, protocols }) {
    Object.assign(this, { agent, protocols })
    this.#changed()
  }
}

const UNITS = { s: 1000, ms: 1, 'µs': 0.001, ns: 0.000001 }
const milliseconds = ([, number, unit]) => rounded(Number(number) * UNITS[unit])
const rounded = (number) => Math.round(1000 * number) / 1000
