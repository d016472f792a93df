/** Clients that go wrong: addresses that lie, and browsers that vanish in the middle of a transfer. */
import { spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { createInterface } from 'node:readline'
import { pageOptions } from './options.js'
import { dialInPage, withBrowser } from './session.js'

/** Other than that of any listener; the certhash is the multihash of 32 zeros. */
const WRONG_CERTHASH = 'uEiAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'
const WRONG_PEER_ID = '12D3KooWNe8rNSxWvaBJQwfJvesmUdYCxEJ7rGLSKppCGAsFSe3H'
/** More than is sent before the end. */
const TRANSFER = 2 ** 33
const TRANSFER_MS = 1000
/** A listener must have noticed by then, and have freed everything. */
const NOTICE_MS = 30_000
const COUNTS_EVERY_MS = 100

/**
 * @param {string} kind one of BAD_KINDS @param {object} options of `bad`
 * @returns {Promise<object>} the result: what was seen, and what the listener holds in the end
 * @throws {Error} the page worked although it must not, or the listener noticed nothing
 */
export async function beBad (kind, options) {
  const listener = await Listener.start(options.listener)
  const told = { event: 'result', kind, peer: options.peer, browser: options.browser, version: options.version }
  try {
    const seen = Object.hasOwn(VANISHING, kind)
      ? await vanishing(listener, options, VANISHING[kind])
      : await refused(listener, await WRONG_ADDRESSES[kind](listener.address), options)
    return { ...told, ...seen }
  } finally {
    listener.stop()
  }
}

/** What the listener holds once that is nothing, or when the time for it is over; and after how long. */
async function freed (listener) {
  const started = performance.now()
  for (;;) {
    const { event, ...counts } = await listener.counts()
    const afterMs = Math.round(performance.now() - started)
    const isNothing = Object.values(counts).every((count) => count === 0)
    if (isNothing || afterMs > NOTICE_MS) return { counts, freed_after_ms: afterMs }
    await new Promise((resolve) => setTimeout(resolve, COUNTS_EVERY_MS))
  }
}

const WRONG_ADDRESSES = {
  'wrong-certhash': (address) => address.replace(/certhash\/[^/]+/, `certhash/${WRONG_CERTHASH}`),
  'wrong-peer-id': (address) => address.replace(/p2p\/.*/, `p2p/${WRONG_PEER_ID}`),
  'dead-port': async (address) => address.replace(/udp\/\d+/, `udp/${await unusedPort()}`)
}

const VANISHING = {
  'tab-closed': ({ page }) => page.close(),
  'browser-killed': ({ browser }) => process.kill(browser.pid, 'SIGKILL')
}

/** What the page shows when it dials *address*, and after how long. */
async function refused (listener, address, options) {
  return await withBrowser(options, async ({ open }) => {
    const page = await open(options.peer)
    const started = performance.now()
    try {
      await dialInPage(page, address, pageOptions(options))
    } catch (error) {
      const shown = { shown: error.message, after_ms: Math.round(performance.now() - started) }
      // The page is still there.
      return { ...shown, ...(await freed(listener)) }
    }
    throw new Error(`the page connected to ${address}`)
  })
}

/** When the listener noticed that a page vanished while it downloaded, and what it took that for. */
async function vanishing (listener, options, vanish) {
  return await withBrowser(options, async ({ browser, open }) => {
    const page = await open(options.peer)
    // It fails with the page; nobody is told.
    dialInPage(page, listener.address, pageOptions({ ...options, perfDownload: TRANSFER })).catch(() => {})
    await listener.event('connected', NOTICE_MS)
    await new Promise((resolve) => setTimeout(resolve, TRANSFER_MS))
    const started = performance.now()
    await vanish({ browser, page })
    const { reason, detail } = await listener.event('disconnected', NOTICE_MS)
    const noticed = { disconnected_after_ms: Math.round(performance.now() - started), reason, detail }
    return { ...noticed, ...(await freed(listener)) }
  })
}

/** A listening program and its events. */
class Listener {
  #process
  #events = []
  #changed = () => {}

  /** @param {string[]} command the program and its words @returns {Promise<Listener>} that listens */
  static async start (command) {
    const listener = new Listener(command)
    const { addresses } = await listener.event('listening', NOTICE_MS)
    listener.address = addresses[0]
    return listener
  }

  constructor (command) {
    const [program, ...words] = command
    this.#process = spawn(program, words, { stdio: ['ignore', 'pipe', 'inherit'] })
    this.#process.on('error', (error) => this.#add({ event: 'broken', error: error.message }))
    createInterface({ input: this.#process.stdout }).on('line', (line) => this.#add(JSON.parse(line)))
  }

  /** @returns {Promise<object>} what it holds now, in numbers */
  async counts () {
    const before = this.#events.length
    this.#process.kill('SIGUSR1')
    return await this.event('counts', NOTICE_MS, before)
  }

  /**
   * @param {string} name @param {number} milliseconds to wait at most @param {number} from the event to look from
   * @returns {Promise<object>} the first so named
   */
  async event (name, milliseconds, from = 0) {
    const deadline = performance.now() + milliseconds
    for (;;) {
      const found = this.#events.slice(from).find(({ event }) => event === name || event === 'broken')
      if (found?.event === 'broken') throw new Error(`the listener: ${found.error}`)
      if (found !== undefined) return found
      const left = deadline - performance.now()
      if (left <= 0) throw new Error(`the listener printed no "${name}" within ${milliseconds / 1000} s`)
      await new Promise((resolve) => {
        this.#changed = resolve
        setTimeout(resolve, left)
      })
    }
  }

  stop () {
    this.#process.kill('SIGTERM')
  }

  #add (event) {
    this.#events.push(event)
    this.#changed()
  }
}

/** A UDP port on loopback that nobody had a moment ago. */
async function unusedPort () {
  const socket = createSocket('udp4')
  await new Promise((resolve) => socket.bind(0, '127.0.0.1', resolve))
  const { port } = socket.address()
  await new Promise((resolve) => socket.close(resolve))
  return port
}
