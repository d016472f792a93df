/**
 * Frames: what is written to a stream is cut into protobuf messages of a flag and some data, each
 * with its length in front (libp2p specs, webrtc/README.md, "Multiplexing").
 */
import { concat, decodeVarint, encodeVarint } from './bytes.js'
import { decode, encodeBytes, encodeNumber } from './protobuf.js'

export const Flag = {
  /** This end writes no more. */
  FIN: 0,
  /** This end reads no more. */
  STOP_SENDING: 1,
  /** This end ends both directions at once; data may be lost. */
  RESET_STREAM: 2,
  /** Your FIN has arrived, and so has all before it. */
  FIN_ACK: 3
}

/** Whole frames have at most 16384 bytes. This makes 16382, and rust-libp2p takes no more. */
export const MAX_DATA = 16377
/** Accepted from a peer: some overstep the specification, none goes beyond this. */
const MAX_RECEIVED = 64 * 1024
/** go-libp2p resets a stream when a larger frame comes in the same message as its length. */
const MAX_WITH_LENGTH = 4096

/** @param {Uint8Array} data at most MAX_DATA bytes @returns {Uint8Array[]} messages for a data channel */
export const dataFrame = (data) => messages(encodeBytes(2, data))

/** @param {number} flag one of Flag @returns {Uint8Array[]} messages for a data channel */
export const flagFrame = (flag) => messages(encodeNumber(1, flag))

function messages (body) {
  const length = encodeVarint(body.length)
  const frame = concat(length, body)
  return frame.length <= MAX_WITH_LENGTH ? [frame] : [length, body]
}

/** Cuts what arrives into frames. Peers split and join frames as they like. */
export class FrameDecoder {
  #held = new Uint8Array(0)

  /**
   * @param {Uint8Array} bytes of one message of the data channel
   * @returns {{flag: number | undefined, data: Uint8Array | undefined}[]} the frames that are whole now
   * @throws {Error} the peer broke a rule
   */
  feed (bytes) {
    this.#held = this.#held.length === 0 ? bytes : concat(this.#held, bytes)
    const frames = []
    for (let frame; (frame = this.#next()) !== null; ) frames.push(frame)
    return frames
  }

  #next () {
    const length = decodeVarint(this.#held)
    if (length === null) return null
    if (length.value > MAX_RECEIVED) throw new Error(`a frame of ${length.value} bytes; ${MAX_RECEIVED} are accepted`)
    const end = length.end + length.value
    if (this.#held.length < end) return null
    const fields = decode(this.#held.subarray(length.end, end))
    this.#held = this.#held.subarray(end)
    return { flag: fields.get(1)?.at(-1), data: fields.get(2)?.at(-1) }
  }
}
