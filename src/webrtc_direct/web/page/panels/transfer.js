/** How fast data moves, up and then down. */
import { perf } from '../client/perf.js'
import { byId, show } from './elements.js'
import { Meter } from './meter.js'
import { sentence } from './words.js'

/** Both meters. A connection is set with `use`. */
export class TransferPanel {
  #button = byId('transfer-start')
  #size = byId('transfer-size')
  #meters = { upload: new Meter('Upload', '↑'), download: new Meter('Download', '↓') }
  #connection = null

  constructor () {
    byId('transfer-meters').append(...Object.values(this.#meters).map((meter) => meter.element))
    this.#button.addEventListener('click', () => this.#run())
  }

  /** @param {import('../client/connection.js').Connection | null} connection null while there is none */
  use (connection) {
    this.#connection = connection
    this.#button.disabled = connection === null
  }

  async #run () {
    const connection = this.#connection
    this.#button.disabled = true
    const bytes = Number(this.#size.value)
    const speeds = []
    Object.values(this.#meters).forEach((meter) => meter.clear())
    try {
      for (const [direction, meter] of Object.entries(this.#meters)) {
        speeds.push(`${direction} ${await meter.run(bytes, (onProgress) => perf(connection, { [direction]: bytes, onProgress }))}`)
      }
      show(byId('transfer-said'), speeds.join(', '))
    } catch (error) {
      show(byId('transfer-said'), sentence(error.message))
    }
    this.#button.disabled = this.#connection === null
  }
}
