/** Measurements as the result reports them. */

/** Return the milliseconds since `started`, a reading of `performance.now()`. */
export function milliseconds (started) {
  return Math.round(1000 * (performance.now() - started)) / 1000
}

/** Return the report of a transfer that began at `started`, a reading of `performance.now()`. */
export function transfer (bytes, started, { streams = 1, compared }) {
  const seconds = (performance.now() - started) / 1000
  return { bytes, seconds, mb_per_s: bytes / 1e6 / seconds, streams, compared }
}
