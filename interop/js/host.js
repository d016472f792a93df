/** js-libp2p with WebRTC-Direct as its one transport, in Node and in a browser. */

import { identify } from '@libp2p/identify'
import { ping } from '@libp2p/ping'
import { webRTCDirect } from '@libp2p/webrtc'
import { createLibp2p } from 'libp2p'

/** @import { Libp2p } from 'libp2p' */

// The library closes each connection within a second; whatever hangs beyond that is left behind.
const STOP_TIMEOUT_MS = 5000

/**
 * Start a host with ping and identify. It asks no STUN server and may dial private addresses.
 *
 * @param {object} [options]
 * @param {string[]} [options.listen] multiaddrs to listen on (Node alone can)
 */
export function createHost ({ listen = [] } = {}) {
  return createLibp2p({
    addresses: { listen },
    transports: [webRTCDirect({ rtcConfiguration: { iceServers: [] } })],
    // A browser's js-libp2p refuses loopback and private addresses unless told otherwise.
    connectionGater: { denyDialMultiaddr: () => false },
    // The default refuses the sixth connection within a second from one IP address.
    connectionManager: { inboundConnectionThreshold: 1000 },
    services: {
      ping: ping(),
      // A dialer identifies when its step comes; a listener does as the library does by default.
      identify: identify({ runOnConnectionOpen: listen.length > 0 })
    }
  })
}

/**
 * Close its connections and stop it.
 *
 * @param {Libp2p} host
 */
export function stopHost (host) {
  return Promise.race([host.stop(), new Promise((resolve) => setTimeout(resolve, STOP_TIMEOUT_MS))])
}
