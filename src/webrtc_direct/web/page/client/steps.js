/** The steps of a dial, and when each of them begins and ends. */

/**
 * @typedef {'address' | 'certificate' | 'offer' | 'answer' | 'channels' | 'ice' | 'dtls' | 'sctp' | 'insertion' | 'noise'} Step
 *   `channels` is all of `ice`, `dtls` and `sctp`
 * @typedef {(step: Step, what: 'begins' | 'ends', at: number) => void} OnStep `at` is a reading of performance.now()
 */

/** What a browser shows of step 5, in order. */
const TRANSPORTS = ['ice', 'dtls', 'sctp']

/** Tells of them. */
export class Steps {
  #onStep
  /** Which of TRANSPORTS is under way. */
  #transport = 0

  /** @param {OnStep} onStep */
  constructor (onStep) {
    this.#onStep = onStep
  }

  /**
   * @template T
   * @param {Step} step @param {() => T | Promise<T>} work
   * @returns {Promise<T>} what *work* returned; where it throws, the step does not end
   */
  async run (step, work) {
    this.#begins(step)
    const result = await work()
    this.#ends(step)
    return result
  }

  /** Step 5 begins. @param {RTCPeerConnection} peer with both descriptions set */
  follow (peer) {
    this.#begins('channels')
    this.#begins('ice')
    const look = () => {
      const { iceConnectionState, sctp } = peer
      const done = [
        ['connected', 'completed'].includes(iceConnectionState),
        sctp.transport.state === 'connected',
        sctp.state === 'connected'
      ]
      // The last that is done says that those before are, even if the browser tells of them later.
      this.#reached(done.lastIndexOf(true) + 1)
    }
    peer.addEventListener('iceconnectionstatechange', look)
    peer.sctp.transport.addEventListener('statechange', look)
    peer.sctp.addEventListener('statechange', look)
    look()
  }

  /** Step 5 ends. */
  channelsOpened () {
    this.#reached(TRANSPORTS.length)
    this.#ends('channels')
  }

  #reached (transport) {
    while (this.#transport < transport) {
      this.#ends(TRANSPORTS[this.#transport++])
      if (this.#transport < TRANSPORTS.length) this.#begins(TRANSPORTS[this.#transport])
    }
  }

  #begins (step) {
    this.#onStep(step, 'begins', performance.now())
  }

  #ends (step) {
    this.#onStep(step, 'ends', performance.now())
  }
}
