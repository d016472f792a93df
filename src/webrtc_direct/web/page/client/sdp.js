/**
 * Steps 3 and 4: the offer, which the browser makes, and the answer, which the client makes up in
 * the server's place. The first thing on the wire is a STUN request whose USERNAME is made of both
 * ufrags, and the server learns everything from it.
 *
 * v1: one random string is ufrag and password of both ends, so the browser's own are overwritten.
 * v2: the browser keeps its own, and the server's are a prefix and the browser's password.
 */
import { sdpFingerprint } from './address.js'

const PREFIX = { v1: 'libp2p+webrtc+v1/', v2: 'libp2p+webrtc+v2/' }
const SCTP_PORT = 5000
const MAX_MESSAGE_SIZE = 16384

/**
 * @param {'v1' | 'v2'} version @param {string} offer as the browser made it
 * @returns {{offer: string, server: string}} what to give to setLocalDescription, and the server's
 *   ufrag, which is its password as well
 */
export function credentials (version, offer) {
  const password = attribute(offer, 'ice-pwd')
  // 22 to 256 of RFC 8839's ice-chars; the specification has the client check it.
  if (!/^[A-Za-z\d+/]{22,239}$/.test(password)) throw new Error("the browser's ICE password cannot be used")
  const server = PREFIX[version] + password
  if (version === 'v2') return { offer, server }
  const munged = offer
    .replace(/^a=ice-ufrag:.*$/m, `a=ice-ufrag:${server}`)
    .replace(/^a=ice-pwd:.*$/m, `a=ice-pwd:${server}`)
  return { offer: munged, server }
}

/**
 * @param {import('./address.js').Address} address @param {string} server ufrag and password of the server
 * @returns {string} the server's session description
 */
export function makeAnswer (address, server) {
  const lines = [
    'v=0',
    `o=- 0 0 IN IP${address.family} ${address.ip}`,
    's=-',
    't=0 0',
    'a=ice-lite',
    `m=application ${address.port} UDP/DTLS/SCTP webrtc-datachannel`,
    `c=IN IP${address.family} ${address.ip}`,
    'a=mid:0',
    'a=ice-options:ice2',
    `a=ice-ufrag:${server}`,
    `a=ice-pwd:${server}`,
    `a=fingerprint:${sdpFingerprint(address.certhash)}`,
    // The server is passive: the client begins DTLS.
    'a=setup:passive',
    `a=sctp-port:${SCTP_PORT}`,
    `a=max-message-size:${MAX_MESSAGE_SIZE}`,
    `a=candidate:1 1 UDP 1 ${address.ip} ${address.port} typ host`
  ]
  return lines.map((line) => `${line}\r\n`).join('')
}

/** @param {string} sdp @param {string} name @returns {string} the value of the first `a=name:value` */
export function attribute (sdp, name) {
  const match = new RegExp(`^a=${name}:(.*?)\\r?$`, 'm').exec(sdp)
  if (match === null) throw new Error(`the browser's offer has no a=${name}`)
  return match[1]
}
