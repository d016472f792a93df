/** What program.py calls `page`: the panels of one connection, and what is wished of it. */
import { byId, show } from './shared/elements.js'
import { Meter } from './shared/meter.js'
import { Plot } from './shared/plot.js'
import { Timeline } from './shared/timeline.js'
import { median, milliseconds } from './shared/words.js'

const EVERY_MS = 250
const SAMPLES = 120
/** The line that pings is drawn before it does, or drawing would count as a part of the round trip. */
const DRAWING_MS = 60
/** The lines that run, by what is under way. */
const LINES = {
  dial: ['webrtc_direct.dial('],
  greet: ['greet(connection))', '/echo/1.0.0'],
  wait: ['page.wish()'],
  ping: ['pings.ping()'],
  transfer: ['transfer(connection, page.size', 'webrtc_direct.perf('],
  close: ['webrtc_direct.dial(']
}
/** Steps that take no time of their own: the measured ones around them have it. */
const UNMEASURED = ['offer', 'answer', 'insertion']

const timeline = new Timeline()
const plot = new Plot(byId('ping-plot'), SAMPLES, (SAMPLES * EVERY_MS) / 1000)
const meters = [new Meter('Upload', '↑'), new Meter('Download', '↓')]
const button = byId('transfer-start')
byId('transfer-meters').append(...meters.map((meter) => meter.element))
drawPings([])

/** One dial, and the connection that it makes. */
export class View {
  /** How many bytes to transfer each way. */
  size = 0
  #code
  #onConnected
  #steps = []
  #pings = []
  /** What a button asked for, and what tells Python, where that waits. */
  #asked = null
  #grant = null
  /** Which of the meters runs, what it is told of progress, and how it ends. */
  #transfer = null

  /**
   * @param {import('./code.js').CodePanel} code @param {string} version
   * @param {(version: string, ownPeerId: string) => void} onConnected
   */
  constructor (code, version, onConnected) {
    this.#code = code
    this.#onConnected = onConnected
    meters.forEach((meter) => meter.clear())
    drawPings([])
    timeline.begin(version === 'auto' ? 'v2' : version)
    timeline.remark('streams', 'an echo')
    timeline.onStep('channels', 'begins')
    code.mark(LINES.dial)
    button.onclick = () => {
      button.disabled = true
      this.#ask('transfer')
    }
  }

  /** Have Python close the connection. */
  close () {
    this.#ask('close')
  }

  /** Python is done. */
  closed () {
    timeline.onStep('closing', 'ends')
    timeline.remark('closing', 'by this page')
    this.#end()
  }

  /** @param {string} why Python gave up @param {string} type of the exception */
  failed (why, type) {
    if (type === 'AddressError') {
      timeline.begin('v2')
      timeline.onStep('address', 'begins')
    }
    timeline.fail(why)
    this.#transfer?.fail(new Error(why))
    this.#end()
  }

  // What Python calls.

  /** @param {string} step @param {number | undefined} seconds undefined where the browser does not tell */
  step (step, seconds) {
    this.#steps.push([step, seconds])
  }

  /** The last of these steps ends now. @param {string} version @param {string} peerId @param {string} ownPeerId */
  connected (version, peerId, ownPeerId) {
    const now = performance.now()
    let end = now
    const begins = {}
    for (const [step, seconds = 0] of this.#steps.reverse()) {
      begins[step] = end - 1000 * seconds
      timeline.onStep(step, 'begins', begins[step])
      timeline.onStep(step, 'ends', end)
      end = begins[step]
    }
    timeline.onStep('channels', 'begins', begins.ice)
    timeline.onStep('channels', 'ends', begins.noise)
    UNMEASURED.forEach((step) => timeline.onStep(step, 'ends'))
    timeline.remark('offer', `with ICE credentials of ${version}`)
    timeline.remark('noise', `proven: ${peerId}`)
    timeline.onStep('streams', 'begins', now)
    this.#code.mark(LINES.greet)
    this.#onConnected(version, ownPeerId)
  }

  /** @param {string} answer of the echo server */
  greeted (answer) {
    timeline.onStep('streams', 'ends')
    timeline.remark('streams', `an echo of “${answer}”`)
    button.disabled = false
  }

  /** @returns {Promise<'ping' | 'transfer' | 'close'>} what to do next, as soon as it is known */
  async wish () {
    this.#code.mark(LINES.wait)
    const wish = this.#asked ?? (await new Promise((resolve) => {
      this.#grant = resolve
      setTimeout(resolve, EVERY_MS - DRAWING_MS, 'ping')
    }))
    this.#grant = null
    if (wish === this.#asked) this.#asked = null
    if (wish === 'transfer') this.#beginTransfer()
    if (wish === 'close') timeline.onStep('closing', 'begins')
    this.#code.mark(LINES[wish])
    if (wish === 'ping') await new Promise((resolve) => setTimeout(resolve, DRAWING_MS))
    return wish
  }

  /** @param {number} seconds of a round trip */
  ping (seconds) {
    this.#pings = [...this.#pings, 1000 * seconds].slice(-SAMPLES)
    drawPings(this.#pings)
  }

  /** @param {'upload' | 'download'} way @param {number} count of bytes, since the last call */
  moved (way, count) {
    this.#transfer.moved += count
    this.#transfer.progress(this.#transfer.moved)
  }

  /** @param {number} upload seconds that it took @param {number} download seconds, where that was measured */
  transferred (upload, download) {
    const { index, finish } = this.#transfer
    finish([upload, download][index])
    this.#transfer = null
    if (index === 0) this.#run(1)
    else button.disabled = false
  }

  #ask (wish) {
    // Nothing comes after that.
    if (this.#asked === 'close') return
    this.#asked = wish
    this.#grant?.(wish)
  }

  #beginTransfer () {
    this.size = Number(byId('transfer-size').value)
    meters.forEach((meter) => meter.clear())
    this.#run(0)
  }

  #run (index) {
    const move = (progress) => new Promise((finish, fail) => {
      this.#transfer = { index, moved: 0, progress, finish, fail }
    })
    // Why it failed stands above all else, too.
    meters[index].run(this.size, move).catch(() => {})
  }

  #end () {
    button.disabled = true
    this.#code.mark([])
  }
}

/** @param {number[]} samples in milliseconds */
function drawPings (samples) {
  const some = samples.length > 0
  const figures = some ? [samples.at(-1), median(samples), Math.max(...samples)].map(milliseconds) : ['–', '–', '–']
  for (const [index, name] of ['current', 'median', 'worst'].entries()) show(byId(`ping-${name}`), figures[index])
  const [, middle, worst] = figures
  plot.draw(samples, some ? `Round trips of ${samples.length} pings: median ${middle}, worst ${worst}` : 'No pings yet')
}
