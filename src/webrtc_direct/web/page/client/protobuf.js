/** As much of protobuf as libp2p's small messages need: varints and byte strings. */
import { concat, decodeVarint, encodeVarint } from './bytes.js'

const VARINT = 0
const BYTES = 2

/** @param {number} number of the field @param {number} value @returns {Uint8Array} */
export const encodeNumber = (number, value) => concat(encodeVarint((number << 3) | VARINT), encodeVarint(value))

/** @param {number} number of the field @param {Uint8Array} value @returns {Uint8Array} */
export const encodeBytes = (number, value) =>
  concat(encodeVarint((number << 3) | BYTES), encodeVarint(value.length), value)

/**
 * @param {Uint8Array} message what a peer sent
 * @returns {Map<number, (number | Uint8Array)[]>} all values of each field, in order; unknown fields are kept
 * @throws {Error} it is no message, or has a type of field that libp2p does not use
 */
export function decode (message) {
  const fields = new Map()
  let offset = 0
  const varint = () => {
    const read = decodeVarint(message, offset)
    if (read === null) throw new Error('a protobuf message is cut off')
    offset = read.end
    return read.value
  }
  while (offset < message.length) {
    const key = varint()
    const type = key & 7
    if (type !== VARINT && type !== BYTES) throw new Error(`a protobuf field has type ${type}`)
    let value = varint()
    if (type === BYTES) {
      if (value > message.length - offset) throw new Error('a protobuf field is cut off')
      value = message.subarray(offset, (offset += value))
    }
    const number = key >>> 3
    if (!fields.has(number)) fields.set(number, [])
    fields.get(number).push(value)
  }
  return fields
}
