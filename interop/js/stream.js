/** A stream of js-libp2p with exact reads, writes that wait, and a reset that is no FIN. */

import { StreamResetError } from '@libp2p/interface'
import { byteStream } from '@libp2p/utils'

/** @import { Stream } from '@libp2p/interface' */

// @libp2p/webrtc has no backpressure for readers: what a peer sends faster than it is read waits
// here, and past this size the stream is reset.
const READ_BUFFER_SIZE = 64 * 1024 * 1024

/** The bytes of one stream, read and written with one limit in time. */
export class ByteStream {
  #stream
  #bytes
  #signal
  #writing = true

  /**
   * @param {Stream} stream
   * @param {AbortSignal} signal ends every wait
   */
  constructor (stream, signal) {
    this.#stream = stream
    this.#bytes = byteStream(stream, { maxBufferSize: READ_BUFFER_SIZE })
    this.#signal = signal
  }

  /**
   * Return what has arrived, at least one byte of it, or null at FIN.
   *
   * @returns {Promise<Uint8Array | null>}
   */
  async read () {
    const data = await this.#bytes.read({ signal: this.#signal })
    if (data !== null) {
      return data.subarray()
    }
    // The library's reader takes two kinds of reset for FIN: one that came between two reads, and one
    // of which node-datachannel tells only that the channel closed, because it drops what arrived just
    // before. After FIN alone the stream stays open as long as this end writes.
    const { status } = this.#stream
    if (status === 'reset' || (status === 'closed' && this.#writing)) {
      throw new StreamResetError(`the peer ended the stream without FIN (${status})`)
    }
    return null
  }

  /** Up to FIN, in the pieces that arrive. */
  async * [Symbol.asyncIterator] () {
    for (let data = await this.read(); data !== null; data = await this.read()) {
      yield data
    }
  }

  /**
   * Return exactly the next `size` bytes; throw when the stream ends before.
   *
   * @param {number} size
   * @returns {Promise<Uint8Array>}
   */
  async readExactly (size) {
    return (await this.#bytes.read({ bytes: size, signal: this.#signal })).subarray()
  }

  /**
   * Read up to FIN and return how many bytes that were.
   *
   * @returns {Promise<number>}
   */
  async drain () {
    let size = 0
    for await (const data of this) {
      size += data.length
    }
    return size
  }

  /**
   * Write all of it, waiting while the library's buffer is full.
   *
   * @param {Uint8Array} data
   */
  async write (data) {
    await this.#bytes.write(data, { signal: this.#signal })
  }

  /** Send FIN after what was written, and wait until the peer has acknowledged it. */
  async closeWrite () {
    this.#writing = false
    await this.#stream.close({ signal: this.#signal })
  }

  /**
   * Abort both directions; the peer sees a reset.
   *
   * @param {Error} reason
   */
  reset (reason) {
    this.#stream.abort(reason)
  }
}
