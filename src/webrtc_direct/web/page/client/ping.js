/** /ipfs/ping/1.0.0: what is sent comes back. */
import { equal } from './bytes.js'

export const PING_PROTOCOL = '/ipfs/ping/1.0.0'
const SIZE = 32

/**
 * @param {import('./stream.js').Stream} stream of PING_PROTOCOL @returns {Promise<number>} a round trip, in milliseconds
 * @throws {Error} the stream ended, or something else came back
 */
export async function ping (stream) {
  const data = crypto.getRandomValues(new Uint8Array(SIZE))
  const started = performance.now()
  await stream.write(data)
  const answer = await stream.readExactly(SIZE)
  const took = performance.now() - started
  if (!equal(answer, data)) throw new Error('the pong is not the ping')
  return took
}
