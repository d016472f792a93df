/** What streams carry where both ends know every byte; ../../../README.md describes it. */
import { shake128 } from '../../node_modules/@noble/hashes/sha3.js'
import { concat, equal, utf8 } from '../client/bytes.js'

/** A prime: bytes that are lost, repeated, swapped or shifted do not compare equal. */
const BLOCK_SIZE = 1048573
const CHUNK_SIZE = 64 * 1024

/** A block of SHAKE-128 output, made from a seed and a direction, repeated. */
export class Content {
  #block

  /** @param {number} seed @param {'u' | 'd' | 'e'} direction upload, download or echo */
  constructor (seed, direction) {
    const input = concat(encodeUint64(seed), utf8(direction))
    const block = shake128(input, { dkLen: BLOCK_SIZE })
    // Followed by its own first bytes, so that a chunk never wraps.
    this.#block = concat(block, block.subarray(0, CHUNK_SIZE))
  }

  /** Write the first *size* bytes of the content. */
  async send (stream, size) {
    for (let offset = 0; offset < size; offset += CHUNK_SIZE) {
      await stream.write(this.#at(offset, Math.min(CHUNK_SIZE, size - offset)))
    }
  }

  /** Read up to FIN. @throws {Error} anything else than the first *size* bytes of the content arrived */
  async receive (stream, size) {
    let received = 0
    for (let data; (data = await stream.read()) !== null; received += data.length) {
      if (received + data.length > size || !equal(data, this.#at(received, data.length))) {
        throw new Error(`wrong bytes between ${received} and ${received + data.length}`)
      }
    }
    if (received !== size) throw new Error(`FIN after ${received} bytes instead of ${size}`)
  }

  #at (offset, size) {
    const start = offset % BLOCK_SIZE
    return this.#block.subarray(start, start + size)
  }
}

/** @param {number} value @returns {Uint8Array} 8 bytes, big-endian */
export function encodeUint64 (value) {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value))
  return bytes
}
