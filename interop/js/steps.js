/** What a dialer does on its last connection. */

import { equals } from 'uint8arrays/equals'

import { Content, DOWNLOAD, ECHO, UPLOAD, WrongContent } from './content.js'
import { named } from './errors.js'
import {
  CHECKED_HEADER_SIZE, CHECKED_OK, CHECKED_PROTOCOL, CLOSE_PROTOCOL, ECHO_PROTOCOL, expectReset, HALF_CLOSE,
  HALF_CLOSE_PROTOCOL, PERF_PROTOCOL, RESET, RESET_PROTOCOL
} from './services.js'
import { ByteStream } from './stream.js'
import { milliseconds, transfer } from './timing.js'

/** @import { Connection } from '@libp2p/interface' */
/** @import { DEFAULTS } from './dial.js' */

const PING_PROTOCOL = '/ipfs/ping/1.0.0'
const PING_SIZE = 32
const SEED = 1n
const MAX_STREAMS = 1024

/** The steps of `dial` on one connection. */
export class Steps {
  #connection
  #signal

  /**
   * @param {Connection} connection
   * @param {AbortSignal} signal ends every wait
   */
  constructor (connection, signal) {
    this.#connection = connection
    this.#signal = signal
  }

  /**
   * Do what `options` ask for, in this order, and return that part of the result; null is what was not asked for.
   *
   * @param {typeof DEFAULTS} options
   */
  async run (options) {
    const { upload, download, perfUpload, perfDownload, echoSize, echoStreams } = options
    const steps = [
      ['ping_ms', options.pings, () => this.#ping(options.pings)],
      ['idle_ping_ms', options.idle, () => this.#idlePing(options.idle)],
      ['upload', upload, () => this.#checked(upload, 0)],
      ['download', download, () => this.#checked(0, download)],
      ['perf_upload', perfUpload, () => this.#perf(perfUpload, 0)],
      ['perf_download', perfDownload, () => this.#perf(0, perfDownload)],
      ['echo', echoSize, () => this.#echo(echoSize, echoStreams)],
      ['half_close', options.halfClose, () => this.#halfClose()],
      ['reset', options.reset, () => this.#reset()],
      ['closed_after_ms', options.close === 'listener', () => this.#closedByListener()]
    ]
    const result = {}
    for (const [name, asked, step] of steps) {
      result[name] = asked ? await named(name, step()) : null
    }
    return result
  }

  /** Back to back on one stream, which the library's own client cannot do: it opens one for each. */
  async #ping (count) {
    const stream = await this.#open(PING_PROTOCOL)
    const samples = []
    for (let index = 0; index < count; index++) {
      const data = crypto.getRandomValues(new Uint8Array(PING_SIZE))
      const started = performance.now()
      await stream.write(data)
      const answer = await stream.readExactly(PING_SIZE)
      samples.push(milliseconds(started))
      if (!equals(answer, data)) {
        throw new WrongContent('the pong is not the ping')
      }
    }
    await stream.closeWrite()
    return samples
  }

  /** On a new stream: go-libp2p and js-libp2p end one that idles for 10 s. */
  async #idlePing (seconds) {
    await new Promise((resolve, reject) => {
      setTimeout(resolve, seconds * 1000)
      this.#signal.addEventListener('abort', () => reject(this.#signal.reason))
    })
    const [sample] = await this.#ping(1)
    return sample
  }

  async #checked (upload, download) {
    const header = new Uint8Array(CHECKED_HEADER_SIZE)
    const fields = new DataView(header.buffer)
    fields.setBigUint64(0, BigInt(upload))
    fields.setBigUint64(8, BigInt(download))
    fields.setBigUint64(16, SEED)
    const up = new Content(SEED, UPLOAD)
    const down = new Content(SEED, DOWNLOAD)
    const started = performance.now()
    const stream = await this.#open(CHECKED_PROTOCOL)
    await stream.write(header)
    await up.send(stream, upload)
    const answered = async () => {
      const [answer] = await stream.readExactly(1)
      if (answer !== CHECKED_OK) {
        throw new WrongContent(`the peer answered ${answer}`)
      }
      await down.receive(stream, download)
    }
    await Promise.all([stream.closeWrite(), answered()])
    return transfer(upload + download, started, { compared: true })
  }

  async #perf (upload, download) {
    const header = new Uint8Array(8)
    new DataView(header.buffer).setBigUint64(0, BigInt(download))
    const up = new Content(0n, UPLOAD)
    const started = performance.now()
    const stream = await this.#open(PERF_PROTOCOL)
    await stream.write(header)
    await up.send(stream, upload)
    const [received] = await Promise.all([stream.drain(), stream.closeWrite()])
    if (received !== download) {
      throw new WrongContent(`${received} bytes arrived instead of ${download}`)
    }
    return transfer(upload + download, started, { compared: false })
  }

  /** Send `size` bytes on each of the `streams` at once and compare what comes back. */
  async #echo (size, streams) {
    const contents = Array.from({ length: streams }, (_, index) => new Content(BigInt(index), ECHO))
    const started = performance.now()
    await Promise.all(contents.map(async (content) => {
      const stream = await this.#open(ECHO_PROTOCOL)
      const send = async () => {
        await content.send(stream, size)
        await stream.closeWrite()
      }
      await Promise.all([send(), content.receive(stream, size)])
    }))
    return transfer(size * streams, started, { streams, compared: true })
  }

  async #halfClose () {
    const { seed, fromDialer, fromListener } = HALF_CLOSE
    const up = new Content(seed, UPLOAD)
    const down = new Content(seed, DOWNLOAD)

    const first = await this.#open(HALF_CLOSE_PROTOCOL)
    await first.write(Uint8Array.of(HALF_CLOSE.dialerFirst))
    await up.send(first, fromDialer)
    await Promise.all([first.closeWrite(), down.receive(first, fromListener)])

    const second = await this.#open(HALF_CLOSE_PROTOCOL)
    await second.write(Uint8Array.of(HALF_CLOSE.listenerFirst))
    await down.receive(second, fromListener)
    await up.send(second, fromDialer)
    await second.closeWrite()
    return true
  }

  async #reset () {
    const theirs = await this.#open(RESET_PROTOCOL)
    await theirs.write(Uint8Array.of(RESET.byListener))
    await expectReset(theirs)

    const ours = await this.#open(RESET_PROTOCOL)
    await ours.write(Uint8Array.of(RESET.byDialer))
    const [echoed] = await ours.readExactly(1)
    if (echoed !== RESET.byDialer) {
      throw new WrongContent(`the peer echoed ${echoed}`)
    }
    ours.reset(new Error('the reset that the step is about'))
    // The end of the connection would overtake the reset; what is answered after it does not.
    await this.#ping(1)
    return true
  }

  /** Ask the listener to close the connection and return how long it took to notice. */
  async #closedByListener () {
    const stream = await this.#open(CLOSE_PROTOCOL)
    const started = performance.now()
    const closed = new Promise((resolve, reject) => {
      this.#connection.addEventListener('close', () => resolve(milliseconds(started)))
      this.#signal.addEventListener('abort', () => reject(this.#signal.reason))
    })
    const [after] = await Promise.all([closed, stream.write(Uint8Array.of(1))])
    return after
  }

  async #open (protocol) {
    const raw = await this.#connection.newStream(protocol, { signal: this.#signal, maxOutboundStreams: MAX_STREAMS })
    return new ByteStream(raw, this.#signal)
  }
}
