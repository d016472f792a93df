/**
 * A connection to a WebRTC-Direct listener, by what a browser has: steps 1 to 9 in order.
 *
 *     const connection = await dial('/ip4/…/webrtc-direct/certhash/…/p2p/…', { version: 'v2' })
 *     const stream = await connection.openStream('/echo/1.0.0')
 */
import { multihash, parseAddress } from './address.js'
import { dataFrame, FrameDecoder } from './framing.js'
import { concat } from './bytes.js'
import { Identity } from './identity.js'
import { propose, refuse } from './multistream.js'
import { authenticate } from './noise.js'
import { attribute, credentials, makeAnswer } from './sdp.js'
import { Steps } from './steps.js'
import { Stream } from './stream.js'

/** ICE, DTLS and SCTP together. Chromium itself gives up on ICE after 15 s. */
const CONNECT_MS = 10_000
const NOISE_MS = 10_000
const NEGOTIATION_MS = 10_000
/** A Noise message of a handshake is some 200 bytes; an RSA key would make it 2200. */
const MAX_NOISE_MESSAGE = 4096

/** The browser keeps its own ICE credentials: it can dial v2 alone. */
export class CredentialsRefused extends Error {
  name = 'CredentialsRefused'
}

/**
 * @param {string} text the listener's multiaddr, with its certhash and its peer id
 * @param {{version?: 'v1' | 'v2', identity?: Identity, onStep?: import('./steps.js').OnStep}} options
 *   a fresh identity unless one is given; `onStep` is told when each of steps 1 to 7 begins and ends
 * @returns {Promise<Connection>} authenticated
 * @throws {Error} it says in words which step failed and why
 */
export async function dial (text, { version = 'v2', identity, onStep = () => {} } = {}) {
  const steps = new Steps(onStep)
  const address = await steps.run('address', () => parseAddress(text))
  const certificate = await steps.run('certificate', async () => {
    identity ??= await Identity.generate()
    // A certificate for this dial alone: a reused one would let observers recognise the client.
    return await RTCPeerConnection.generateCertificate({ name: 'ECDSA', namedCurve: 'P-256' })
  })
  const peer = new RTCPeerConnection({ certificates: [certificate] })
  try {
    // "Negotiated": both ends open it without asking. It must exist before the offer.
    const handshake = peer.createDataChannel('', { negotiated: true, id: 0 })
    const channel = new NoiseChannel(handshake)
    const connection = new Connection(peer, identity.peerId, address.peerId, version)
    const sdp = await steps.run('offer', () => offer(peer, version))
    await steps.run('answer', () => peer.setRemoteDescription({ type: 'answer', sdp: makeAnswer(address, sdp.server) }))
    const ended = connection.closed.then((reason) => Promise.reject(new Error(reason)))
    steps.follow(peer)
    await within(CONNECT_MS, Promise.race([opened(handshake), ended]), () => unfinished(peer, address))
    steps.channelsOpened()
    const client = await steps.run('insertion', () => multihash(attribute(sdp.offered, 'fingerprint')))
    connection.certhashes = { client, server: address.certhash }
    const peerId = await steps.run('noise', () => {
      const proving = authenticate(channel, connection.certhashes, identity)
      return within(NOISE_MS, Promise.race([proving, ended]), () => 'Noise did not finish')
    })
    if (peerId !== address.peerId) throw new Error(`the server is ${peerId} in place of ${address.peerId}`)
    return connection
  } catch (error) {
    peer.close()
    throw error
  }
}

/** Step 3. Returns what the browser offered, and the server's ufrag, which is its password as well. */
async function offer (peer, version) {
  const { sdp: offered } = await peer.createOffer()
  const { offer, server } = credentials(version, offered)
  try {
    await peer.setLocalDescription({ type: 'offer', sdp: offer })
  } catch (error) {
    throw new CredentialsRefused(`this browser does not take the ICE credentials of ${version}: ${error.message}`)
  }
  return { offered, server }
}

/** Step 5: wait for channel 0. */
const opened = (handshake) => new Promise((resolve) => handshake.addEventListener('open', resolve))

/** How far the browser has come, in words. */
function unfinished (peer, { ip, port }) {
  if (!answered(peer)) return `nobody answers at ${ip} port ${port}`
  return peer.sctp?.transport.state === 'connected' ? 'SCTP did not finish' : 'DTLS did not finish'
}

const answered = ({ iceConnectionState }) => ['connected', 'completed'].includes(iceConnectionState)

/** What `dial` returns. */
export class Connection {
  #peer
  #end
  #streams = new Set()

  /** @param {RTCPeerConnection} peer @param {string} localPeerId @param {string} peerId @param {string} version */
  constructor (peer, localPeerId, peerId, version) {
    this.#peer = peer
    this.localPeerId = localPeerId
    this.peerId = peerId
    this.version = version
    /** @type {{client: Uint8Array, server: Uint8Array}} the multihash of each end's certificate */
    this.certhashes = null
    /** @type {Promise<string>} resolves with the reason when the connection has ended */
    this.closed = new Promise((resolve) => {
      this.#end = resolve
      watch(peer, resolve)
    })
    peer.addEventListener('datachannel', ({ channel }) => {
      const stream = this.#stream(channel)
      within(NEGOTIATION_MS, refuse(stream), () => 'nothing was proposed').catch(() => stream.reset())
    })
    this.closed.then((reason) => {
      // Not every browser tells channels of the end of their connection.
      this.#streams.forEach((stream) => stream.abandon(reason))
      peer.close()
    })
  }

  /** @param {string} protocol @returns {Promise<Stream>} on which both ends speak *protocol* */
  async openStream (protocol) {
    const stream = this.#stream(this.#peer.createDataChannel(''))
    try {
      await within(NEGOTIATION_MS, propose(stream, protocol), () => `the peer does not answer to ${protocol}`)
    } catch (error) {
      stream.reset()
      throw error
    }
    return stream
  }

  /** End it at once. The listener sees the end immediately. */
  close () {
    this.#end('this end closed the connection')
  }

  #stream (channel) {
    const stream = new Stream(channel)
    this.#streams.add(stream)
    channel.addEventListener('close', () => this.#streams.delete(stream))
    return stream
  }
}

/**
 * Tell the end of a connection. `connectionState` alone is not enough: after a listener has
 * closed, it stays "connected" for seconds, but SCTP (ABORT) and DTLS (close_notify) end at once.
 */
function watch (peer, ended) {
  let wasSecured = false
  const look = () => {
    wasSecured ||= peer.sctp?.transport.state === 'connected'
    const reason = end(peer, wasSecured)
    if (reason !== null) ended(reason)
  }
  peer.addEventListener('connectionstatechange', look)
  // The transports exist once both descriptions are set.
  peer.addEventListener('signalingstatechange', () => {
    peer.sctp?.addEventListener('statechange', look)
    peer.sctp?.transport.addEventListener('statechange', look)
  })
}

/** Why *peer* has ended, in words; null if it has not. */
function end (peer, wasSecured) {
  const { connectionState, sctp } = peer
  const dtls = sctp?.transport.state
  // Chromium can say that all has failed before it says so of DTLS. Firefox says that DTLS has failed after
  // it was secure, too: when the listener has given up a machine that slept.
  if (!wasSecured && (dtls === 'failed' || (connectionState === 'failed' && answered(peer)))) {
    return "DTLS failed: the server's certificate is not the one of the address"
  }
  // Where DTLS fails, Chromium has SCTP closed a moment before.
  if (dtls === 'closed' || (dtls === 'connected' && sctp.state === 'closed')) return 'the listener closed the connection'
  if (connectionState === 'failed' || dtls === 'failed') {
    return wasSecured ? 'the listener does not know this connection any more' : 'nobody answers'
  }
  return connectionState === 'disconnected' ? 'the listener fell silent' : null
}

/** Noise messages on channel 0: two bytes of length in front of each, in frames like any data. */
class NoiseChannel {
  #channel
  #decoder = new FrameDecoder()
  #held = new Uint8Array(0)
  #failure = null
  #wake = () => {}

  constructor (channel) {
    this.#channel = channel
    channel.binaryType = 'arraybuffer'
    channel.onmessage = ({ data }) => this.#receive(new Uint8Array(data))
    channel.onclose = () => this.#fail(new Error('the server closed the handshake channel'))
  }

  write (message) {
    const length = Uint8Array.of(message.length >> 8, message.length & 255)
    dataFrame(concat(length, message)).forEach((part) => this.#channel.send(part))
  }

  async read () {
    for (;;) {
      const size = (this.#held[0] << 8) | this.#held[1]
      if (this.#held.length >= 2 && size > MAX_NOISE_MESSAGE) throw new Error(`a Noise message of ${size} bytes`)
      if (this.#held.length >= 2 && this.#held.length >= 2 + size) {
        const message = this.#held.subarray(2, 2 + size)
        this.#held = this.#held.subarray(2 + size)
        return message
      }
      if (this.#failure !== null) throw this.#failure
      await new Promise((resolve) => (this.#wake = resolve))
    }
  }

  #receive (bytes) {
    // After the handshake the channel stays open, and nothing that comes there matters.
    if (this.#held.length > 2 * MAX_NOISE_MESSAGE) return
    try {
      for (const { data } of this.#decoder.feed(bytes)) this.#held = concat(this.#held, data ?? new Uint8Array(0))
    } catch (error) {
      this.#fail(error)
    }
    this.#wake()
  }

  #fail (error) {
    this.#failure ??= error
    this.#wake()
  }
}

/** Wait for *promise*, but no longer than *milliseconds*. */
async function within (milliseconds, promise, why) {
  let timer
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${why()} (${milliseconds / 1000} s)`)), milliseconds)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
