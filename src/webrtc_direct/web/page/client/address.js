/** Step 1: the multiaddr of a WebRTC-Direct listener. It says everything that signalling would. */
import { decodeBase64Url, encodeBase64Url } from './bytes.js'

/** The multihash of a SHA-256 digest begins with its code and its size. */
const SHA256_MULTIHASH = [0x12, 0x20]

const IP = { ip4: /^\d{1,3}(\.\d{1,3}){3}$/, ip6: /^[\da-f:.]{2,45}$/i }

/** @typedef {{ip: string, family: 4 | 6, port: number, certhash: Uint8Array, peerId: string}} Address */

/**
 * @param {string} text `/ip4/127.0.0.1/udp/4001/webrtc-direct/certhash/uEi.../p2p/12D3...`
 * @returns {Address} `certhash` is a multihash of 34 bytes, `peerId` is base58btc
 * @throws {Error} it names the component that cannot be used
 */
export function parseAddress (text) {
  const [empty, family, ip, udp, port, transport, certhashName, certhash, p2p, peerId, ...more] = text.split('/')
  // It becomes a part of SDP, so nothing else than an address may pass.
  if (empty !== '' || !IP[family]?.test(ip)) throw new Error('the address must begin with /ip4/ or /ip6/ and an IP address')
  if (udp !== 'udp' || !/^\d{1,5}$/.test(port) || Number(port) > 65535) throw new Error('the address needs /udp/ and a port')
  if (transport !== 'webrtc-direct') throw new Error('the address is not one of webrtc-direct')
  if (certhashName !== 'certhash') throw new Error('the address needs /certhash/')
  if (p2p !== 'p2p' || !peerId || more.length > 0) throw new Error('the address must end with /p2p/ and the peer id')
  return { ip, family: family === 'ip4' ? 4 : 6, port: Number(port), certhash: decodeCerthash(certhash), peerId }
}

/** @param {Uint8Array} certhash @returns {string} the value of SDP's `a=fingerprint` */
export function sdpFingerprint (certhash) {
  const pairs = Array.from(certhash.subarray(2), (byte) => byte.toString(16).padStart(2, '0').toUpperCase())
  return `sha-256 ${pairs.join(':')}`
}

/** @param {string} fingerprint of SDP, such as `sha-256 AB:CD:...` @returns {Uint8Array} a multihash */
export function multihash (fingerprint) {
  const match = /^sha-256 ((?:[\dA-F]{2}:){31}[\dA-F]{2})$/i.exec(fingerprint)
  if (match === null) throw new Error(`not a SHA-256 fingerprint: ${fingerprint}`)
  return Uint8Array.of(...SHA256_MULTIHASH, ...match[1].split(':').map((pair) => parseInt(pair, 16)))
}

/** @param {Uint8Array} multihash @returns {string} what stands behind /certhash/ */
export const encodeCerthash = (multihash) => `u${encodeBase64Url(multihash)}`

function decodeCerthash (text) {
  // "u" is multibase for base64url, the encoding that all implementations print.
  if (!text?.startsWith('u')) throw new Error('the certhash is not in base64url ("u")')
  const bytes = decodeBase64Url(text.slice(1))
  if (bytes.length !== 34 || SHA256_MULTIHASH.some((byte, index) => bytes[index] !== byte)) {
    throw new Error('the certhash is not a SHA-256 multihash')
  }
  return bytes
}
