/** What the cell does on a connection, each step by the options of `dial`; ../../../README.md describes both. */
import { concat } from '../client/bytes.js'
import { perf } from '../client/perf.js'
import { ping, PING_PROTOCOL } from '../client/ping.js'
import { StreamReset } from '../client/stream.js'
import { Content, encodeUint64 } from './content.js'

const SEED = 1
const HALF_CLOSE_SEED = 2
const HALF_CLOSE_UP = 1000
const HALF_CLOSE_DOWN = 2000

/**
 * @param {import('../client/connection.js').Connection} connection @param {object} options of `dial`, in camel case
 * @returns {Promise<object>} that part of the result; null is what was not asked for
 */
export async function runSteps (connection, options) {
  const { upload, download, perfUpload, perfDownload, echoSize, echoStreams } = options
  const pinged = options.pings || options.idle ? await pings(connection, options.pings, options.idle) : null
  return {
    ping_ms: pinged?.samples ?? [],
    idle_ping_ms: pinged?.idle ?? null,
    upload: upload ? await checked(connection, upload, 0) : null,
    download: download ? await checked(connection, 0, download) : null,
    perf_upload: perfUpload ? await measured(connection, { upload: perfUpload }) : null,
    perf_download: perfDownload ? await measured(connection, { download: perfDownload }) : null,
    echo: echoSize ? await echo(connection, echoSize, echoStreams) : null,
    half_close: options.halfClose ? await halfClose(connection) : null,
    reset: options.reset ? await reset(connection) : null,
    closed_after_ms: options.close === 'listener' ? await closedByListener(connection) : null
  }
}

/** @param {number} started a reading of performance.now() @returns {number} milliseconds since then */
export const milliseconds = (started) => rounded(performance.now() - started)

const rounded = (number) => Math.round(number * 1000) / 1000

async function pings (connection, count, idleSeconds) {
  const stream = await connection.openStream(PING_PROTOCOL)
  const samples = []
  while (samples.length < count) samples.push(rounded(await ping(stream)))
  await stream.closeWrite()
  if (!idleSeconds) return { samples, idle: null }
  await new Promise((resolve) => setTimeout(resolve, idleSeconds * 1000))
  // On a new stream: go-libp2p ends one that idles for 10 s.
  const later = await connection.openStream(PING_PROTOCOL)
  const idle = rounded(await ping(later))
  await later.closeWrite()
  return { samples, idle }
}

async function checked (connection, upload, download) {
  const [up, down] = [new Content(SEED, 'u'), new Content(SEED, 'd')]
  const started = performance.now()
  const stream = await connection.openStream('/interop/checked/1.0.0')
  await stream.write(concat(encodeUint64(upload), encodeUint64(download), encodeUint64(SEED)))
  await up.send(stream, upload)
  await stream.closeWrite()
  const [answer] = await stream.readExactly(1)
  if (answer !== 1) throw new Error(`the peer answered ${answer}`)
  await down.receive(stream, download)
  return transfer(upload + download, started, { compared: true })
}

async function measured (connection, sizes) {
  const started = performance.now()
  await perf(connection, sizes)
  return transfer((sizes.upload ?? 0) + (sizes.download ?? 0), started, { compared: false })
}

async function echo (connection, size, streams) {
  const contents = Array.from({ length: streams }, (_, seed) => new Content(seed, 'e'))
  const started = performance.now()
  await Promise.all(
    contents.map(async (content) => {
      const stream = await connection.openStream('/echo/1.0.0')
      const send = async () => {
        await content.send(stream, size)
        await stream.closeWrite()
      }
      await Promise.all([send(), content.receive(stream, size)])
    })
  )
  return transfer(size * streams, started, { streams, compared: true })
}

async function halfClose (connection) {
  const [up, down] = [new Content(HALF_CLOSE_SEED, 'u'), new Content(HALF_CLOSE_SEED, 'd')]
  const first = await connection.openStream('/interop/half-close/1.0.0')
  await first.write(Uint8Array.of(1))
  await up.send(first, HALF_CLOSE_UP)
  await first.closeWrite()
  await down.receive(first, HALF_CLOSE_DOWN)

  const second = await connection.openStream('/interop/half-close/1.0.0')
  await second.write(Uint8Array.of(2))
  await down.receive(second, HALF_CLOSE_DOWN)
  await up.send(second, HALF_CLOSE_UP)
  await second.closeWrite()
  return true
}

async function reset (connection) {
  const theirs = await connection.openStream('/interop/reset/1.0.0')
  await theirs.write(Uint8Array.of(1))
  const ended = await theirs.read().catch((error) => error)
  if (!(ended instanceof StreamReset)) throw new Error(`instead of a reset came ${ended === null ? 'FIN' : ended}`)

  const own = await connection.openStream('/interop/reset/1.0.0')
  await own.write(Uint8Array.of(2))
  const [echoed] = await own.readExactly(1)
  if (echoed !== 2) throw new Error(`the peer echoed ${echoed}`)
  own.reset()
  return true
}

async function closedByListener (connection) {
  const stream = await connection.openStream('/interop/close/1.0.0')
  const started = performance.now()
  await stream.write(Uint8Array.of(1))
  await connection.closed
  return milliseconds(started)
}

function transfer (bytes, started, { streams = 1, compared }) {
  const seconds = (performance.now() - started) / 1000
  return { bytes, seconds, mb_per_s: bytes / 1e6 / seconds, streams, compared }
}
