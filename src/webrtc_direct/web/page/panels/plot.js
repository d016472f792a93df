/** A line of the last samples, as SVG. */
import { makeSvg } from './elements.js'

const HEIGHT = 190
const LEFT = 52
const RIGHT = 10
const TOP = 10
const BOTTOM = 24
const LINES = 4

/** Draws into an element, as wide as that is. */
export class Plot {
  #place
  #capacity
  #seconds
  #samples = []
  #svg = makeSvg('svg', { role: 'img', height: HEIGHT })

  /** @param {HTMLElement} place @param {number} capacity how many samples fit @param {number} seconds in which they are taken */
  constructor (place, capacity, seconds) {
    this.#place = place
    this.#capacity = capacity
    this.#seconds = seconds
    place.append(this.#svg)
    new ResizeObserver(() => this.#draw()).observe(place)
  }

  /** @param {number[]} samples in milliseconds, the newest last @param {string} label what it shows, in words */
  draw (samples, label) {
    this.#samples = samples
    this.#svg.setAttribute('aria-label', label)
    this.#draw()
  }

  #draw () {
    const width = this.#place.clientWidth
    if (width < LEFT + RIGHT) return
    const step = niceStep(Math.max(...this.#samples, 0.4) / LINES)
    const top = step * LINES
    const x = (index) => LEFT + ((width - LEFT - RIGHT) * (this.#capacity - this.#samples.length + index)) / (this.#capacity - 1)
    const y = (value) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / top)
    const parts = []
    for (let line = 0; line <= LINES; line++) {
      const at = y(line * step)
      parts.push(makeSvg('line', { class: 'grid', x1: LEFT, x2: width - RIGHT, y1: at, y2: at }))
      parts.push(makeSvg('text', { x: LEFT - 8, y: at + 4, 'text-anchor': 'end' }, `${Number((line * step).toPrecision(3))} ms`))
    }
    parts.push(makeSvg('text', { x: LEFT, y: HEIGHT - 5 }, `${this.#seconds} s ago`))
    parts.push(makeSvg('text', { x: width - RIGHT, y: HEIGHT - 5, 'text-anchor': 'end' }, 'now'))
    if (this.#samples.length > 0) {
      const points = this.#samples.map((value, index) => `${x(index).toFixed(1)},${y(value).toFixed(1)}`)
      const [first, last] = [x(0), x(this.#samples.length - 1)]
      parts.push(makeSvg('polygon', { class: 'area', points: [`${first},${y(0)}`, ...points, `${last},${y(0)}`].join(' ') }))
      parts.push(makeSvg('polyline', { class: 'line', points: points.join(' ') }))
      parts.push(makeSvg('circle', { class: 'last', cx: last, cy: y(this.#samples.at(-1)), r: 4 }))
    }
    this.#svg.setAttribute('viewBox', `0 0 ${width} ${HEIGHT}`)
    this.#svg.setAttribute('width', width)
    this.#svg.replaceChildren(...parts)
  }
}

/** @param {number} least @returns {number} the next of 1, 2, 2.5 and 5 times a power of ten */
function niceStep (least) {
  const power = 10 ** Math.floor(Math.log10(least))
  return power * [1, 2, 2.5, 5, 10].find((factor) => factor * power >= least)
}
