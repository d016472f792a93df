/**
 * Steps 8 and 9: a stream is a data channel. Its two halves end on their own: writing by FIN, which
 * the peer confirms by FIN_ACK, and reading by the peer's FIN. A reset ends both at once.
 */
import { dataFrame, Flag, flagFrame, FrameDecoder, MAX_DATA } from './framing.js'
import { concat } from './bytes.js'

/** A writer waits while more than this is queued in the browser, and goes on when it has sunk to a quarter. */
const MAX_UNSENT = 256 * 1024
/** A data channel cannot slow its sender down, so a stream that nobody reads is reset at this size. */
const MAX_UNREAD = 64 * 1024 * 1024
/** Not every implementation confirms a FIN, so the channel is closed after this in any case. */
const FIN_ACK_MS = 10_000

/** The peer reset the stream, or its channel ended without FIN: something may be missing. */
export class StreamReset extends Error {
  name = 'StreamReset'
}

/** One stream. All methods that wait reject with StreamReset when the stream is reset. */
export class Stream {
  #channel
  #decoder = new FrameDecoder()
  #unread = []
  #unreadBytes = 0
  #finReceived = false
  #finSent = false
  #finAcknowledged = false
  /** @type {Error | null} why nothing goes on any more */
  #failure = null
  #wake = []

  /** @param {RTCDataChannel} channel that nobody has listened to so far */
  constructor (channel) {
    this.#channel = channel
    channel.binaryType = 'arraybuffer'
    channel.bufferedAmountLowThreshold = MAX_UNSENT / 4
    // Chromium can deliver a message before it says that the channel is open.
    channel.onmessage = ({ data }) => this.#receive(new Uint8Array(data))
    channel.onopen = channel.onbufferedamountlow = () => this.#notify()
    channel.onclose = () => this.#closed()
  }

  /** @returns {Promise<Uint8Array | null>} some bytes, at least one; null after the peer's FIN */
  async read () {
    await this.#until(() => this.#unread.length > 0 || this.#finReceived)
    const data = this.#unread.shift() ?? null
    this.#unreadBytes -= data?.length ?? 0
    return data
  }

  /** @param {number} size @returns {Promise<Uint8Array>} so many bytes @throws {Error} FIN came before */
  async readExactly (size) {
    const parts = []
    let missing = size
    while (missing > 0) {
      const data = await this.read()
      if (data === null) throw new Error(`the stream ended ${missing} bytes early`)
      parts.push(data.subarray(0, missing))
      if (data.length > missing) {
        this.#unread.unshift(data.subarray(missing))
        this.#unreadBytes += data.length - missing
      }
      missing -= parts.at(-1).length
    }
    return parts.length === 1 ? parts[0] : concat(...parts)
  }

  /** @param {Uint8Array} data @returns {Promise<void>} when it is all queued */
  async write (data) {
    for (let offset = 0; offset < data.length; offset += MAX_DATA) {
      const room = () => this.#channel.readyState === 'open' && this.#channel.bufferedAmount <= MAX_UNSENT
      await this.#until(() => room() || this.#finSent)
      if (this.#finSent) throw new Error('this end of the stream is closed')
      this.#send(dataFrame(data.subarray(offset, offset + MAX_DATA)))
    }
  }

  /** Say that no more data comes. Reading goes on. */
  async closeWrite () {
    await this.#until(() => this.#channel.readyState === 'open' || this.#finSent)
    this.#finish()
  }

  /** End both directions at once. The peer sees a reset. */
  reset () {
    if (this.#failure === null && this.#channel.readyState === 'open') this.#send(flagFrame(Flag.RESET_STREAM))
    this.#fail('this end reset the stream')
  }

  /** Give it up, because its connection has ended. @param {string} reason */
  abandon (reason) {
    if (!this.#finReceived || !this.#finSent) this.#fail(reason)
  }

  #receive (bytes) {
    if (this.#failure !== null) return
    try {
      for (const { flag, data } of this.#decoder.feed(bytes)) {
        if (data?.length > 0 && !this.#finReceived) this.#keep(data)
        if (flag !== undefined) this.#flagged(flag)
      }
    } catch (error) {
      this.reset()
      this.#failure = error
    }
    this.#notify()
  }

  #keep (data) {
    this.#unreadBytes += data.length
    if (this.#unreadBytes > MAX_UNREAD) throw new StreamReset(`nobody read ${MAX_UNREAD} bytes`)
    this.#unread.push(data)
  }

  #flagged (flag) {
    if (flag === Flag.FIN && !this.#finReceived) {
      this.#finReceived = true
      this.#send(flagFrame(Flag.FIN_ACK))
    } else if (flag === Flag.FIN_ACK && this.#finSent) {
      this.#finAcknowledged = true
    } else if (flag === Flag.STOP_SENDING) {
      this.#finish()
    } else if (flag === Flag.RESET_STREAM) {
      this.#fail('the peer reset the stream')
    }
    this.#closeWhenOver()
  }

  #finish () {
    if (this.#finSent) return
    this.#finSent = true
    this.#send(flagFrame(Flag.FIN))
    setTimeout(() => {
      this.#finAcknowledged = true
      this.#closeWhenOver()
    }, FIN_ACK_MS)
  }

  #closeWhenOver () {
    if (this.#finReceived && this.#finAcknowledged) this.#channel.close()
  }

  #send (messages) {
    // A peer may close the channel as soon as both ends are done; then nobody waits for the rest.
    if (this.#channel.readyState === 'open') messages.forEach((message) => this.#channel.send(message))
  }

  #closed () {
    if (!this.#finReceived || !this.#finSent) this.#fail('the data channel was closed')
    this.#notify()
  }

  #fail (reason) {
    this.#failure ??= new StreamReset(reason)
    this.#channel.close()
    this.#notify()
  }

  /** Wait until *ready*. What arrived before a reset is given up, as with every stream of libp2p. */
  async #until (ready) {
    for (;;) {
      if (this.#failure !== null) throw this.#failure
      if (ready()) return
      await new Promise((resolve) => this.#wake.push(resolve))
    }
  }

  #notify () {
    this.#wake.splice(0).forEach((resolve) => resolve())
  }
}
