/** /perf/1.0.0: how fast data moves. */

const BLOCK = new Uint8Array(64 * 1024)

/**
 * @param {import('./connection.js').Connection} connection
 * @param {{upload?: number, download?: number, onProgress?: (bytes: number) => void}} options sizes in bytes;
 *   `onProgress` is told how many bytes have moved so far, both directions together
 * @returns {Promise<number>} seconds, from the opening of the stream to the peer's FIN
 * @throws {Error} it ended early, or another size came
 */
export async function perf (connection, { upload = 0, download = 0, onProgress = () => {} }) {
  const started = performance.now()
  const stream = await connection.openStream('/perf/1.0.0')
  const wanted = new DataView(new ArrayBuffer(8))
  wanted.setBigUint64(0, BigInt(download))
  await stream.write(new Uint8Array(wanted.buffer))
  for (let sent = 0; sent < upload; sent += BLOCK.length) {
    await stream.write(BLOCK.subarray(0, upload - sent))
    onProgress(Math.min(sent + BLOCK.length, upload))
  }
  await stream.closeWrite()
  let received = 0
  for (let data; (data = await stream.read()) !== null; ) {
    received += data.length
    onProgress(upload + received)
  }
  if (received !== download) throw new Error(`${received} bytes arrived instead of ${download}`)
  return (performance.now() - started) / 1000
}
