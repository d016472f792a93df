/** /ipfs/id/1.0.0: who the peer is and what it speaks. */
import { concat, decodeVarint } from './bytes.js'
import { decode } from './protobuf.js'

const MAX_ANSWER = 64 * 1024

/** @param {import('./connection.js').Connection} connection @returns {Promise<{agent: string, protocols: string[]}>} */
export async function identify (connection) {
  const stream = await connection.openStream('/ipfs/id/1.0.0')
  await stream.closeWrite()
  let answer = new Uint8Array(0)
  for (let data; (data = await stream.read()) !== null; ) {
    answer = concat(answer, data)
    if (answer.length > MAX_ANSWER) throw new Error(`identify sent more than ${MAX_ANSWER} bytes`)
  }
  return parseIdentify(answer)
}

/** @param {Uint8Array} answer with its length in front @returns {{agent: string, protocols: string[]}} */
export function parseIdentify (answer) {
  const length = decodeVarint(answer)
  if (length === null || length.end + length.value !== answer.length) throw new Error('identify sent no whole message')
  const fields = decode(answer.subarray(length.end))
  const text = (bytes) => new TextDecoder().decode(bytes)
  return { agent: text(fields.get(6)?.[0]), protocols: (fields.get(3) ?? []).map(text).sort() }
}
