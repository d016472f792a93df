/** The entry of smoldot.html: a smoldot client whose one chain has the listener as its boot node. */
import { start } from 'smoldot'
import { chainSpecification } from './chain.js'
import { watchIdentify } from './tap.js'

/** "Trace": every stream that opens and ends is logged. */
const LOG_LEVEL = 5

window.interop = {
  /**
   * Start smoldot. What it logs goes to `window.onSmoldotLog`, and what the boot node says of itself
   * to `window.onIdentify`; the program puts both in place.
   * @param {string} address of the boot node
   */
  async start (address) {
    watchIdentify(window.onIdentify)
    const logCallback = (level, target, message) => window.onSmoldotLog({ at: performance.now(), level, target, message })
    const client = start({ maxLogLevel: LOG_LEVEL, logCallback })
    await client.addChain({ chainSpec: chainSpecification(address), disableJsonRpc: true })
    this.close = () => client.terminate()
  }
}
