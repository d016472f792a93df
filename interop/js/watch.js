/** Holds a connection and tells how it goes, in Node and in a page. */

import { multiaddr } from '@multiformats/multiaddr'

import { asError } from './errors.js'
import { createHost } from './host.js'
import { ECHO_PROTOCOL } from './services.js'
import { ByteStream } from './stream.js'

const ECHO_EVERY_MS = 500

/**
 * Dial `address` and stay. It tells `connected`, `stream-ended` and `ended`, the last two with the library's words.
 *
 * @param {string} address
 * @param {{active: boolean}} options active: a byte goes to and fro all the time
 * @param {(event: {event: string, detail?: string}) => void} tell
 */
export async function watch (address, { active }, tell) {
  const host = await createHost()
  const connection = await host.dial(multiaddr(address), { force: true })
  connection.addEventListener('close', ({ error }) => tell({ event: 'ended', detail: error?.message ?? 'closed' }))
  if (active) {
    const stream = new ByteStream(await connection.newStream(ECHO_PROTOCOL), new AbortController().signal)
    // The first one is there before anything may happen to the other end.
    await echo(stream)
    keepEchoing(stream).catch((reason) => tell({ event: 'stream-ended', detail: asError(reason).message }))
  }
  tell({ event: 'connected' })
}

async function keepEchoing (stream) {
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, ECHO_EVERY_MS))
    await echo(stream)
  }
}

/** @param {ByteStream} stream */
async function echo (stream) {
  await stream.write(Uint8Array.of(1))
  await stream.readExactly(1)
}
