/** Looks into the data channels that somebody else's code opens in this page. */
import { parseIdentify } from './client/identify.js'
import { concat, utf8 } from './client/bytes.js'
import { FrameDecoder } from './client/framing.js'

/** What a listener answers to a proposal of identify before it sends the message itself. */
const ANSWER = utf8('\x13/multistream/1.0.0\n\x0f/ipfs/id/1.0.0\n')

/** @param {(info: {agent: string, protocols: string[]}) => void} seen is called with each answer to identify */
export function watchIdentify (seen) {
  const createDataChannel = RTCPeerConnection.prototype.createDataChannel
  RTCPeerConnection.prototype.createDataChannel = function (...options) {
    const channel = createDataChannel.apply(this, options)
    const decoder = new FrameDecoder()
    let received = new Uint8Array(0)
    channel.addEventListener('message', ({ data }) => {
      for (const frame of decoder.feed(new Uint8Array(data))) received = concat(received, frame.data ?? utf8(''))
      const isIdentify = ANSWER.every((byte, index) => received[index] === byte)
      // The answer comes in one frame.
      if (isIdentify && received.length > ANSWER.length) seen(parseIdentify(received.subarray(ANSWER.length)))
      if (isIdentify && received.length > ANSWER.length) received = utf8('')
    })
    return channel
  }
}
