/** A member of the chat that runs js-libp2p in a page. A page cannot listen: it dials members that do. */
import { gossipsub } from '@libp2p/gossipsub'
import { identify } from '@libp2p/identify'
import { webRTCDirect } from '@libp2p/webrtc'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'

/** @import { PeerId } from '@libp2p/interface' */

const ROOM = 'chat'
const DIAL_MS = 10_000

export class Member extends EventTarget {
  #node
  #gossip

  /** @returns {Promise<Member>} that is in the room, alone so far */
  static async start () {
    const node = await createLibp2p({
      // Without ICE servers it asks nobody else for anything.
      transports: [webRTCDirect({ rtcConfiguration: { iceServers: [] } })],
      // By default js-libp2p in a page refuses loopback and private addresses.
      connectionGater: { denyDialMultiaddr: () => false },
      services: {
        identify: identify(),
        // By default it throws when nobody is there to read a line.
        gossip: gossipsub({ emitSelf: true, allowPublishToZeroTopicPeers: true })
      }
    })
    return new Member(node)
  }

  constructor (node) {
    super()
    this.#node = node
    this.#gossip = node.services.gossip
    this.name = nameOf(node.peerId)
    this.#gossip.subscribe(ROOM)
    this.#gossip.addEventListener('message', ({ detail }) => {
      // Signed by who wrote it, whoever passed it on.
      this.#tell('line', { from: nameOf(detail.from), text: new TextDecoder().decode(detail.data).trimEnd() })
    })
    for (const [source, event] of [
      [this.#gossip, 'subscription-change'],
      [node, 'connection:open'],
      [node, 'connection:close']
    ]) source.addEventListener(event, () => this.#tell('neighbours'))
  }

  /** @returns {string[]} the names of the members that this page is connected to */
  get neighbours () {
    const subscribed = new Set(this.#gossip.getSubscribers(ROOM).map(nameOf))
    return [...new Set(this.#node.getPeers().map(nameOf))].filter((name) => subscribed.has(name))
  }

  /** @param {string} address what a member printed @returns {Promise<string>} its name */
  async join (address) {
    const connection = await this.#node.dial(multiaddr(address), { signal: AbortSignal.timeout(DIAL_MS) })
    return nameOf(connection.remotePeer)
  }

  /** @param {string} text for all members */
  async say (text) {
    await this.#gossip.publish(ROOM, new TextEncoder().encode(text))
  }

  #tell (event, detail) {
    this.dispatchEvent(new CustomEvent(event, { detail }))
  }
}

/** @param {PeerId} peer @returns {string} the last 6 hexadecimal digits, as the other programs show it */
function nameOf (peer) {
  const bytes = peer.toMultihash().bytes.slice(-3)
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}
