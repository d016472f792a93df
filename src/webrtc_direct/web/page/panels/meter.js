/** The bar of a transfer. */
import { make, show } from './elements.js'
import { sentence } from './words.js'

/** The speed that is shown while it runs is that of so long. */
const WINDOW_MS = 500

/** What is to move, how much of it has, and how fast. */
export class Meter {
  #bar = make('span', { class: 'fill' })
  #speed = make('span', { class: 'speed' }, '–')
  #detail = make('span', { class: 'detail' }, 'not measured yet')
  #track

  /** @param {string} name @param {string} arrow a sign of its direction */
  constructor (name, arrow) {
    this.#track = make('span', { class: 'track', role: 'progressbar', 'aria-label': name, 'aria-valuemin': '0', 'aria-valuemax': '100' }, this.#bar)
    this.element = make('div', { class: 'meter' },
      make('span', { class: 'name' }, make('span', { class: 'arrow', 'aria-hidden': 'true' }, arrow), name),
      this.#speed, this.#track, this.#detail)
    this.clear()
  }

  /** Nothing is measured yet. */
  clear () {
    show(this.#speed, '–')
    show(this.#detail, 'not measured yet')
    delete this.element.dataset.state
    this.#fill(0)
  }

  /**
   * @param {number} bytes to move @param {(onProgress: (moved: number) => void) => Promise<number>} move moves them,
   *   says how many have moved so far, and returns the seconds that it took
   * @returns {Promise<string>} the speed
   */
  async run (bytes, move) {
    this.element.dataset.state = 'running'
    const seen = [[performance.now(), 0]]
    const progress = (moved) => {
      const now = performance.now()
      seen.push([now, moved])
      while (seen.length > 2 && now - seen[0][0] > WINDOW_MS) seen.shift()
      const [then, before] = seen[0]
      if (now > then) show(this.#speed, speed(moved - before, (now - then) / 1000))
      show(this.#detail, `${(moved / 1e6).toFixed(1)} of ${bytes / 1e6} MB`)
      // It has arrived when the other end says so.
      this.#fill(Math.min(99, Math.floor((100 * moved) / bytes)))
    }
    try {
      const seconds = await move(progress)
      const result = speed(bytes, seconds)
      this.#fill(100)
      show(this.#speed, result)
      show(this.#detail, `${bytes / 1e6} MB in ${seconds.toFixed(2)} s`)
      this.element.dataset.state = 'done'
      return result
    } catch (error) {
      this.element.dataset.state = 'failed'
      show(this.#detail, sentence(error.message))
      throw error
    }
  }

  #fill (percent) {
    this.#bar.style.width = `${percent}%`
    this.#track.setAttribute('aria-valuenow', percent)
  }
}

const speed = (bytes, seconds) => `${(bytes / 1e6 / seconds).toFixed(1)} MB/s`
