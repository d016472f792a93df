/** The nine steps, drawn while they happen. */
import { byId, make, show } from './elements.js'
import { milliseconds } from './words.js'

/** As the command line has them: step, number, name, where it happens, what it is. */
const ROWS = [
  ['address', '1', 'address', 'here', 'the multiaddr names an IP, a port, a certhash and a peer id'],
  ['certificate', '2', 'certificate', 'here', 'a fresh one, for this dial alone'],
  ['offer', '3', 'offer', 'here', 'with ICE credentials of {version}'],
  ['answer', '4', 'answer', 'here', 'made here, from the address; nothing was sent for it'],
  ['channels', '5', 'data channels', 'wire', 'channel 0 is negotiated for the Noise handshake'],
  ['ice', '', 'ICE', 'wire', 'Binding requests answered'],
  ['dtls', '', 'DTLS', 'wire', "the peer's certificate is that of the address"],
  ['sctp', '', 'SCTP', 'wire', 'association up'],
  ['insertion', '6', 'insertion', 'here', 'both fingerprints are known'],
  ['noise', '7', 'Noise', 'wire', 'the peer id is proven, bound to both fingerprints'],
  ['streams', '8', 'streams', 'wire', 'identify, and a first ping'],
  ['closing', '9', 'closing', 'wire', 'when you disconnect']
]
const STATES = { waiting: 'not yet', running: 'under way', done: 'done', failed: 'failed' }

/** One row for each step. `begin` clears it, `onStep` is for `dial`. */
export class Timeline {
  #rows = new Map()
  #started = 0
  #frame = 0
  #total = byId('total')

  constructor () {
    const list = byId('timeline')
    for (const [step, number, name, where, remark] of ROWS) {
      const row = new Row(number, name, where, remark)
      this.#rows.set(step, row)
      list.append(row.element)
    }
  }

  /** A dial begins. @param {'v1' | 'v2'} version */
  begin (version) {
    for (const row of this.#rows.values()) row.reset(version)
    this.#started = performance.now()
    show(this.#total, '–')
    cancelAnimationFrame(this.#frame)
    this.#frame = requestAnimationFrame(() => this.#animate())
  }

  /** @param {string} step @param {'begins' | 'ends'} what @param {number} at a reading of performance.now() */
  onStep = (step, what, at = performance.now()) => {
    const row = this.#rows.get(step)
    if (what === 'begins') row.begin(at)
    else row.end(at)
    if (step === 'noise' && what === 'ends') show(this.#total, milliseconds(at - this.#started))
    this.#draw()
  }

  /** @param {string} step @param {string} text what to say of it */
  remark (step, text) {
    this.#rows.get(step).say(text)
  }

  /** What is under way will not end. @param {string} why */
  fail (why) {
    const running = [...this.#rows.values()].filter((row) => row.state === 'running')
    running.forEach((row) => row.fail())
    running.at(-1)?.say(why)
    this.#draw()
  }

  #animate () {
    this.#draw()
    const running = [...this.#rows.values()].some((row) => row.state === 'running')
    if (running) this.#frame = requestAnimationFrame(() => this.#animate())
  }

  /** Closing comes much later, and has no place on the scale. */
  #draw () {
    const now = performance.now()
    const rows = [...this.#rows.entries()].filter(([step, row]) => step !== 'closing' && row.began !== null)
    const last = Math.max(1, ...rows.map(([, row]) => (row.ended ?? now) - this.#started))
    rows.forEach(([, row]) => row.place(this.#started, last, now))
    const closing = this.#rows.get('closing')
    if (closing.began !== null) closing.showTime(now)
  }
}

class Row {
  state = 'waiting'
  began = null
  ended = null
  #template
  #bar = make('span', { class: 'bar' })
  #time = make('span', { class: 'time' })
  #remark = make('span', { class: 'remark' })
  #state = make('span', { class: 'unseen' })

  constructor (number, name, where, remark) {
    this.#template = remark
    this.element = make('li', { class: number === '' ? `row part ${where}` : `row ${where}` },
      make('span', { class: 'marker', 'aria-hidden': 'true' }, number),
      make('span', { class: 'name' }, name), this.#state,
      make('span', { class: 'track', 'aria-hidden': 'true' }, this.#bar),
      this.#time, this.#remark)
    this.reset('v1')
  }

  reset (version) {
    this.began = this.ended = null
    this.#bar.style.width = '0'
    show(this.#time, '')
    this.say(this.#template.replace('{version}', version))
    this.#become('waiting')
  }

  begin (at) {
    this.began = at
    this.#become('running')
  }

  end (at) {
    this.ended = at
    this.#become('done')
  }

  fail () {
    this.ended = performance.now()
    this.#become('failed')
  }

  say (text) {
    show(this.#remark, text)
  }

  place (started, total, now) {
    this.#bar.style.left = `${(100 * (this.began - started)) / total}%`
    this.#bar.style.width = `${(100 * ((this.ended ?? now) - this.began)) / total}%`
    this.showTime(now)
  }

  showTime (now) {
    show(this.#time, milliseconds((this.ended ?? now) - this.began))
  }

  #become (state) {
    this.state = state
    this.element.dataset.state = state
    // A step that ends without a beginning takes no time that anybody measured.
    this.#bar.hidden = this.began === null
    show(this.#state, `, ${STATES[state]}, `)
  }
}
