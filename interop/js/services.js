/** What the programs serve beside ping and identify, and the bytes that both ends know. */

import { Content, DOWNLOAD, UPLOAD, WrongContent } from './content.js'
import { asError } from './errors.js'
import { ByteStream } from './stream.js'

/** @import { Connection } from '@libp2p/interface' */
/** @import { Libp2p } from 'libp2p' */

export const ECHO_PROTOCOL = '/echo/1.0.0'
export const PERF_PROTOCOL = '/perf/1.0.0'
export const CHECKED_PROTOCOL = '/interop/checked/1.0.0'
export const HALF_CLOSE_PROTOCOL = '/interop/half-close/1.0.0'
export const RESET_PROTOCOL = '/interop/reset/1.0.0'
export const CLOSE_PROTOCOL = '/interop/close/1.0.0'

/** Bytes of the upload, bytes of the download, seed: 8 bytes each, big-endian. */
export const CHECKED_HEADER_SIZE = 24
export const CHECKED_OK = 1

export const HALF_CLOSE = {
  dialerFirst: 1,
  listenerFirst: 2,
  fromDialer: 1000,
  fromListener: 2000,
  seed: 2n
}
export const RESET = { byListener: 1, byDialer: 2 }

// Bounds a peer that opens a stream and then says nothing.
const HANDLER_TIMEOUT_MS = 300_000
const MAX_STREAMS_PER_PROTOCOL = 256

/**
 * Serve the protocols. A handler that fails resets its stream and emits an `error` event.
 *
 * @param {Libp2p} host
 * @param {(event: object) => void} emit
 */
export async function serve (host, emit) {
  const handlers = {
    [ECHO_PROTOCOL]: serveEcho,
    [PERF_PROTOCOL]: servePerf,
    [CHECKED_PROTOCOL]: serveChecked,
    [HALF_CLOSE_PROTOCOL]: serveHalfClose,
    [RESET_PROTOCOL]: (stream, connection) => serveReset(stream, connection, emit),
    [CLOSE_PROTOCOL]: serveClose
  }
  for (const [protocol, handler] of Object.entries(handlers)) {
    await host.handle(protocol, async (raw, connection) => {
      const stream = new ByteStream(raw, AbortSignal.timeout(HANDLER_TIMEOUT_MS))
      try {
        await handler(stream, connection)
      } catch (reason) {
        const error = asError(reason)
        stream.reset(error)
        emit({ event: 'error', protocol, error: `${error.name}: ${error.message}` })
      }
    }, { maxInboundStreams: MAX_STREAMS_PER_PROTOCOL })
  }
}

/** @param {ByteStream} stream */
async function serveEcho (stream) {
  for await (const data of stream) {
    await stream.write(data)
  }
  await stream.closeWrite()
}

/** @param {ByteStream} stream */
async function servePerf (stream) {
  const download = size(await stream.readExactly(8), 0)
  await stream.drain()
  await new Content(0n, DOWNLOAD).send(stream, download)
  await stream.closeWrite()
}

/** @param {ByteStream} stream */
async function serveChecked (stream) {
  const header = await stream.readExactly(CHECKED_HEADER_SIZE)
  const seed = new DataView(header.buffer, header.byteOffset).getBigUint64(16)
  try {
    await new Content(seed, UPLOAD).receive(stream, size(header, 0))
  } catch (error) {
    if (error instanceof WrongContent) {
      // A go-libp2p client hangs when its stream is reset in the middle of an upload.
      await stream.drain()
    }
    throw error
  }
  await stream.write(Uint8Array.of(CHECKED_OK))
  const download = size(header, 8)
  if (download > 0) {
    await new Content(seed, DOWNLOAD).send(stream, download)
  }
  await stream.closeWrite()
}

/** @param {ByteStream} stream */
async function serveHalfClose (stream) {
  const { seed, fromDialer, fromListener } = HALF_CLOSE
  const up = new Content(seed, UPLOAD)
  const down = new Content(seed, DOWNLOAD)
  const [kind] = await stream.readExactly(1)
  if (kind === HALF_CLOSE.dialerFirst) {
    await up.receive(stream, fromDialer)
    await down.send(stream, fromListener)
    await stream.closeWrite()
  } else if (kind === HALF_CLOSE.listenerFirst) {
    await down.send(stream, fromListener)
    await Promise.all([stream.closeWrite(), up.receive(stream, fromDialer)])
  } else {
    throw new WrongContent(`half-close of kind ${kind}`)
  }
}

/**
 * @param {ByteStream} stream
 * @param {Connection} connection
 * @param {(event: object) => void} emit
 */
async function serveReset (stream, connection, emit) {
  const kind = await stream.readExactly(1)
  if (kind[0] === RESET.byListener) {
    stream.reset(new Error('the dialer asked for a reset'))
  } else if (kind[0] === RESET.byDialer) {
    await stream.write(kind)
    await expectReset(stream)
    if (connection.status !== 'open') {
      throw new WrongContent(`the connection ended (${connection.status}) instead of the stream`)
    }
    emit({ event: 'reset-seen' })
  } else {
    throw new WrongContent(`reset of kind ${kind[0]}`)
  }
}

/**
 * Read until the peer resets the stream; throw `WrongContent` when it ends in any other way.
 *
 * @param {ByteStream} stream
 */
export async function expectReset (stream) {
  let received
  try {
    received = await stream.drain()
  } catch (error) {
    if (error.name === 'StreamResetError') {
      return
    }
    throw error
  }
  throw new WrongContent(`FIN after ${received} bytes instead of a reset`)
}

/**
 * @param {ByteStream} stream
 * @param {Connection} connection
 */
async function serveClose (stream, connection) {
  await stream.readExactly(1)
  try {
    await connection.close()
  } catch (error) {
    // It waits for the end of each stream, for a second, and leaves the connection open when that fails.
    connection.abort(error)
  }
}

/** Read a size: 8 bytes, big-endian, of which JavaScript counts 2^53 - 1. */
function size (header, offset) {
  const value = new DataView(header.buffer, header.byteOffset).getBigUint64(offset)
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw new WrongContent(`a size of ${value} bytes`)
  }
  return Number(value)
}
