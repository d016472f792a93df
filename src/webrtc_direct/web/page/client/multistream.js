/** multistream-select 1.0.0: both ends of a new stream agree on its protocol. */
import { concat, decodeVarint, encodeVarint, utf8 } from './bytes.js'

const HEADER = '/multistream/1.0.0'
const NOT_AVAILABLE = 'na'
const MAX_LINE = 1024

/**
 * @param {import('./stream.js').Stream} stream that this end opened @param {string} protocol
 * @throws {Error} the peer does not speak *protocol*
 */
export async function propose (stream, protocol) {
  await stream.write(concat(line(HEADER), line(protocol)))
  await expect(stream, HEADER)
  const answer = await readLine(stream)
  if (answer === NOT_AVAILABLE) throw new Error(`the peer does not speak ${protocol}`)
  if (answer !== protocol) throw new Error(`the peer answered ${JSON.stringify(answer)} to ${protocol}`)
}

/**
 * Answer all that the peer proposes with "not available": this client serves no protocols.
 * The side that did not open a stream must not write first (some peers cannot take it).
 * @param {import('./stream.js').Stream} stream that the peer opened
 */
export async function refuse (stream) {
  await expect(stream, HEADER)
  await readLine(stream)
  await stream.write(concat(line(HEADER), line(NOT_AVAILABLE)))
  await stream.closeWrite()
}

const line = (text) => concat(encodeVarint(text.length + 1), utf8(`${text}\n`))

async function expect (stream, text) {
  const received = await readLine(stream)
  if (received !== text) throw new Error(`the peer said ${JSON.stringify(received)} instead of ${text}`)
}

async function readLine (stream) {
  let length = new Uint8Array(0)
  let size = null
  while (size === null) {
    length = concat(length, await stream.readExactly(1))
    size = decodeVarint(length)
  }
  if (size.value === 0 || size.value > MAX_LINE) throw new Error(`a protocol name of ${size.value} bytes`)
  const text = new TextDecoder().decode(await stream.readExactly(size.value))
  if (!text.endsWith('\n')) throw new Error('a protocol name does not end with a line feed')
  return text.slice(0, -1)
}
