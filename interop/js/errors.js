/** Errors that say what failed. */

/** Return what a promise was rejected with as an error; js-libp2p also rejects with a stream's `close` event. */
export function asError (reason) {
  if (reason instanceof Error) {
    return reason
  }
  return reason?.error ?? new Error(`the stream closed (${reason?.type ?? reason})`)
}

/** Await a step; an error of it gets its name. */
export async function named (step, promise) {
  try {
    return await promise
  } catch (reason) {
    const error = asError(reason)
    throw new Error(`${step}: ${error.name}: ${error.message}`, { cause: error })
  }
}
