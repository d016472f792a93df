/** The entry of the bundle for a page: `window.interop`. */

import { dial } from './dial.js'
import { watch } from './watch.js'

/** @type {AbortController | null} */
let running = null

window.interop = {
  /**
   * Dial as the Node program does: the same options (in camel case: `perfUpload` is `--perf-upload`), the same result.
   * One at a time.
   *
   * @param {string} address
   * @param {Partial<typeof import('./dial.js').DEFAULTS>} [options]
   * @returns {Promise<object>}
   */
  async dial (address, options = {}) {
    if (running !== null) {
      throw new Error('a dial is running')
    }
    running = new AbortController()
    try {
      return await dial(address, options, running.signal)
    } finally {
      running = null
    }
  },

  /** Hold a connection, for ../crash.py. */
  watch,

  /** End a running dial: its promise is rejected and its connection closed. Without one, do nothing. */
  close () {
    running?.abort(new Error('closed by the page'))
  }
}
