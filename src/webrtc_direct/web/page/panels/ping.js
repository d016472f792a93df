/** Pings all the time, and draws how long they take. */
import { ping, PING_PROTOCOL } from '../client/ping.js'
import { byId, show } from './elements.js'
import { Plot } from './plot.js'
import { median, milliseconds } from './words.js'

const SAMPLES = 120
const EVERY_MS = 500

/** Figures and plot of the current connection. */
export class PingPanel {
  #plot = new Plot(byId('ping-plot'), SAMPLES, (SAMPLES * EVERY_MS) / 1000)
  #button = byId('ping-pause')
  #samples = []
  #paused = false
  #wake = () => {}

  constructor () {
    this.#button.addEventListener('click', () => {
      this.#paused = !this.#paused
      show(this.#button, this.#paused ? 'Resume' : 'Pause')
      this.#button.setAttribute('aria-pressed', String(this.#paused))
      this.#wake()
    })
    this.#draw()
  }

  /**
   * Ping until the connection ends. @param {import('../client/connection.js').Connection} connection
   * @throws {Error} the listener does not answer pings, or the connection ended
   */
  async run (connection) {
    this.#samples = []
    this.#draw()
    this.#button.disabled = false
    let over = false
    connection.closed.then(() => {
      over = true
      this.#wake()
    })
    try {
      const stream = await connection.openStream(PING_PROTOCOL)
      while (!over) {
        if (!this.#paused) this.#add(await ping(stream))
        await new Promise((resolve) => {
          this.#wake = resolve
          setTimeout(resolve, this.#paused ? 2 ** 31 - 1 : EVERY_MS)
        })
      }
    } finally {
      this.#button.disabled = true
    }
  }

  #add (sample) {
    this.#samples = [...this.#samples, sample].slice(-SAMPLES)
    this.#draw()
  }

  #draw () {
    const some = this.#samples.length > 0
    const [current, middle, worst] = some
      ? [this.#samples.at(-1), median(this.#samples), Math.max(...this.#samples)].map(milliseconds)
      : ['–', '–', '–']
    show(byId('ping-current'), current)
    show(byId('ping-median'), middle)
    show(byId('ping-worst'), worst)
    this.#plot.draw(this.#samples, some ? `Round trips of ${this.#samples.length} pings: median ${middle}, worst ${worst}` : 'No pings yet')
  }
}
