/** What streams carry where both ends know every byte: the JavaScript half of `../go/content.go`. */

import { concatBytes } from '@noble/hashes/utils.js'
import { shake128 } from '@noble/hashes/sha3.js'
import { equals } from 'uint8arrays/equals'

/** @import { ByteStream } from './stream.js' */

// A prime: no frame, packet, window or buffer divides it, so bytes that are lost, repeated,
// swapped or shifted do not compare equal.
const BLOCK_SIZE = 1048573
// The most that is written or compared at once.
const CHUNK_SIZE = 64 * 1024

export const UPLOAD = 'u'
export const DOWNLOAD = 'd'
export const ECHO = 'e'

/** A stream carried other bytes than it should have. */
export class WrongContent extends Error {
  name = 'WrongContent'
}

/** A block of SHAKE-128 output, made from a seed and a direction, repeated. */
export class Content {
  #block

  /**
   * @param {bigint} seed
   * @param {string} direction one of `UPLOAD`, `DOWNLOAD`, `ECHO`
   */
  constructor (seed, direction) {
    const input = new Uint8Array(9)
    new DataView(input.buffer).setBigUint64(0, seed)
    input[8] = direction.charCodeAt(0)
    const block = shake128(input, { dkLen: BLOCK_SIZE })
    // Followed by its own first bytes, so that a chunk never wraps.
    this.#block = concatBytes(block, block.subarray(0, CHUNK_SIZE))
  }

  /**
   * Write the first `size` bytes of the content.
   *
   * @param {ByteStream} stream
   * @param {number} size
   */
  async send (stream, size) {
    for (let offset = 0; offset < size; offset += CHUNK_SIZE) {
      await stream.write(this.#at(offset, Math.min(CHUNK_SIZE, size - offset)))
    }
  }

  /**
   * Read up to FIN; throw `WrongContent` unless exactly the first `size` bytes of the content arrive.
   *
   * @param {ByteStream} stream
   * @param {number} size
   */
  async receive (stream, size) {
    let received = 0
    for await (const data of stream) {
      if (received + data.length > size) {
        throw new WrongContent(`more than ${size} bytes arrived`)
      }
      for (let start = 0; start < data.length; start += CHUNK_SIZE) {
        const part = data.subarray(start, start + CHUNK_SIZE)
        const end = received + part.length
        if (!equals(part, this.#at(received, part.length))) {
          throw new WrongContent(`wrong bytes between ${received} and ${end}`)
        }
        received = end
      }
    }
    if (received !== size) {
      throw new WrongContent(`FIN after ${received} bytes instead of ${size}`)
    }
  }

  #at (offset, size) {
    const start = offset % BLOCK_SIZE
    return this.#block.subarray(start, start + size)
  }
}
