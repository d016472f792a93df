/** Bytes: joining, comparing, and the text and number encodings that libp2p uses. */

/** @param {Uint8Array[]} parts @returns {Uint8Array} all of them in one */
export function concat (...parts) {
  const joined = new Uint8Array(parts.reduce((size, part) => size + part.length, 0))
  let offset = 0
  for (const part of parts) {
    joined.set(part, offset)
    offset += part.length
  }
  return joined
}

/** @param {Uint8Array} a @param {Uint8Array} b @returns {boolean} whether both hold the same bytes */
export function equal (a, b) {
  if (a.length !== b.length) return false
  for (let index = 0; index < a.length; index++) if (a[index] !== b[index]) return false
  return true
}

/** @param {string} text @returns {Uint8Array} its UTF-8 encoding */
export const utf8 = (text) => new TextEncoder().encode(text)

/**
 * @param {number} value at least 0 and below 2^31
 * @returns {Uint8Array} its unsigned varint (LEB128)
 */
export function encodeVarint (value) {
  const bytes = []
  while (value > 127) {
    bytes.push((value & 127) | 128)
    value >>>= 7
  }
  return Uint8Array.of(...bytes, value)
}

/**
 * @param {Uint8Array} bytes @param {number} offset where the varint begins
 * @returns {{value: number, end: number} | null} null while it is incomplete
 * @throws {Error} it has more than 4 bytes: nothing here is that large
 */
export function decodeVarint (bytes, offset = 0) {
  let value = 0
  for (let index = 0; index < 4; index++) {
    if (offset + index >= bytes.length) return null
    const byte = bytes[offset + index]
    value |= (byte & 127) << (7 * index)
    if (byte < 128) return { value, end: offset + index + 1 }
  }
  throw new Error('a varint has more than 4 bytes')
}

/** @param {string} text base64url without padding @returns {Uint8Array} @throws {Error} it is something else */
export function decodeBase64Url (text) {
  if (!/^[\w-]*$/.test(text)) throw new Error('not base64url')
  return Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (char) => char.charCodeAt(0))
}

/** @param {Uint8Array} bytes @returns {string} base64url without padding */
export const encodeBase64Url = (bytes) =>
  btoa(String.fromCharCode(...bytes)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')

const BASE58 = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'

/** @param {Uint8Array} bytes @returns {string} base58btc, the text of a peer id */
export function encodeBase58 (bytes) {
  let number = bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n)
  let text = ''
  for (; number > 0n; number /= 58n) text = BASE58[Number(number % 58n)] + text
  const zeros = bytes.findIndex((byte) => byte !== 0)
  return '1'.repeat(zeros < 0 ? bytes.length : zeros) + text
}
