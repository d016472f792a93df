/** The parts of the bare page that need no browser. What needs one is tested by the cells. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { multihash, parseAddress, sdpFingerprint } from '../../../src/webrtc_direct/web/page/client/address.js'
import { concat, decodeVarint, encodeBase58, encodeVarint, utf8 } from '../../../src/webrtc_direct/web/page/client/bytes.js'
import { dataFrame, Flag, flagFrame, FrameDecoder, MAX_DATA } from '../../../src/webrtc_direct/web/page/client/framing.js'
import { Identity, verify } from '../../../src/webrtc_direct/web/page/client/identity.js'
import { credentials, makeAnswer } from '../../../src/webrtc_direct/web/page/client/sdp.js'

const CERTHASH = 'uEiDGjXZRz-IrB0Zj7YxNrOsk-xudQSWBLaLL6xJufSqeFg'
const PEER_ID = '12D3KooWPPS7zLMdULSqxGdMYy67W7ffy4jQquoRX89yzmc69wUm'
const ADDRESS = `/ip4/127.0.0.1/udp/4001/webrtc-direct/certhash/${CERTHASH}/p2p/${PEER_ID}`
const OFFER = 'v=0\r\na=ice-ufrag:abcd\r\na=ice-pwd:0123456789abcdefghij+/\r\na=setup:actpass\r\n'

test('an address is taken apart', () => {
  const address = parseAddress(ADDRESS)
  assert.deepEqual([address.ip, address.family, address.port, address.peerId], ['127.0.0.1', 4, 4001, PEER_ID])
  assert.deepEqual(multihash(sdpFingerprint(address.certhash)), address.certhash)
  assert.equal(parseAddress(ADDRESS.replace('/ip4/127.0.0.1', '/ip6/::1')).family, 6)
})

test('what is no address of WebRTC-Direct is refused', () => {
  const wrong = [
    '',
    ADDRESS.replace('ip4', 'dns4'),
    ADDRESS.replace('127.0.0.1', '127.0.0.1\r\na=x'),
    ADDRESS.replace('4001', '0x40'),
    ADDRESS.replace('4001', '65536'),
    ADDRESS.replace('webrtc-direct', 'quic-v1'),
    ADDRESS.replace(`/certhash/${CERTHASH}`, ''),
    ADDRESS.replace(CERTHASH, CERTHASH.slice(0, -2)),
    ADDRESS.replace(CERTHASH, CERTHASH.replace('uEi', 'uEy')),
    ADDRESS.replace(CERTHASH, `z${CERTHASH.slice(1)}`),
    ADDRESS.replace(`/p2p/${PEER_ID}`, ''),
    `${ADDRESS}/p2p-circuit`
  ]
  for (const text of wrong) assert.throws(() => parseAddress(text), /address|certhash|base64url/, text)
})

test('v1 overwrites the credentials of the offer, v2 leaves them', () => {
  const password = '0123456789abcdefghij+/'
  const v1 = credentials('v1', OFFER)
  assert.equal(v1.server, `libp2p+webrtc+v1/${password}`)
  assert.equal(v1.offer, OFFER.replace('abcd\r', `${v1.server}\r`).replace(`pwd:${password}`, `pwd:${v1.server}`))
  assert.deepEqual(credentials('v2', OFFER), { offer: OFFER, server: `libp2p+webrtc+v2/${password}` })
  assert.throws(() => credentials('v2', OFFER.replace('+/', '')), /password/)
  assert.match(makeAnswer(parseAddress(ADDRESS), v1.server), /a=candidate:1 1 UDP 1 127\.0\.0\.1 4001 typ host\r\n$/)
})

test('varints and base58', () => {
  for (const value of [0, 127, 128, 16383, 16384, 2 ** 28 - 1]) {
    const encoded = encodeVarint(value)
    assert.deepEqual(decodeVarint(encoded), { value, end: encoded.length })
    assert.equal(decodeVarint(encoded.subarray(0, -1)), null)
  }
  assert.throws(() => decodeVarint(Uint8Array.of(128, 128, 128, 128, 1)), /4 bytes/)
  assert.equal(encodeBase58(concat(Uint8Array.of(0, 0), utf8('Hello World!'))), '112NEpo7TZRRrLZSi2U')
})

test('frames are found however they are split and joined', () => {
  const large = new Uint8Array(MAX_DATA).fill(7)
  const messages = [...dataFrame(utf8('a')), ...flagFrame(Flag.FIN), ...dataFrame(large), ...flagFrame(Flag.FIN_ACK)]
  // The large one travels as two messages, its length first.
  assert.deepEqual(messages.map(({ length }) => length), [4, 3, 2, 16380, 3])
  const bytes = concat(...messages)
  const expected = [
    { flag: undefined, data: utf8('a') },
    { flag: Flag.FIN, data: undefined },
    { flag: undefined, data: large },
    { flag: Flag.FIN_ACK, data: undefined }
  ]
  for (const size of [1, 2, 5, 4096, bytes.length]) {
    const decoder = new FrameDecoder()
    const frames = []
    for (let offset = 0; offset < bytes.length; offset += size) {
      frames.push(...decoder.feed(bytes.subarray(offset, offset + size)))
    }
    assert.deepEqual(frames, expected, `in pieces of ${size}`)
  }
})

test('a frame that is too large, cut off or no protobuf is refused', () => {
  const wrong = [encodeVarint(64 * 1024 + 1), [2, 0x12, 5], [1, 0x0b], [5, 0x12, 128, 128, 128, 128]]
  for (const bytes of wrong) assert.throws(() => new FrameDecoder().feed(Uint8Array.from(bytes)), Error)
})

test('a signature proves the peer id of its key alone', async () => {
  const [one, other] = [await Identity.generate(), await Identity.generate()]
  const data = utf8('data')
  assert.equal(await verify(one.publicKey, await one.sign(data), data), one.peerId)
  assert.match(one.peerId, /^12D3KooW/)
  await assert.rejects(verify(other.publicKey, await one.sign(data), data), /signature/)
  await assert.rejects(verify(one.publicKey.subarray(2), await one.sign(data), data), /Ed25519/)
})
