/** Loads Python, runs program.py in it and shows what it tells. */
import { loadPyodide } from './pyodide/pyodide.mjs'

const MEBIBYTE = 1 << 20
const STEPS = {
  address: '1 address',
  certificate: '2 certificate',
  ice: '3, 4 offer, answer, ICE',
  dtls: '5 DTLS',
  sctp: '5 SCTP, data channel 0',
  noise: '6, 7 Noise: who is it?'
}
const element = (id) => document.getElementById(id)
const milliseconds = (seconds) => `${(1000 * seconds).toFixed(1)} ms`

/** What program.py calls. */
class View {
  #pings = []
  #moved = { upload: 0, download: 0 }
  #size

  constructor (mebibytes) {
    this.#size = mebibytes * MEBIBYTE
    element('steps').replaceChildren()
    element('plot').firstElementChild.setAttribute('points', '')
    for (const id of ['ping', 'upload-rate', 'download-rate']) element(id).value = ''
    for (const id of ['upload', 'download']) element(id).value = 0
  }

  connected (peer, version) {
    status(`connected to ${peer} by ${version}`)
  }

  /** @param {number | undefined} seconds undefined where nobody can tell */
  step (name, seconds) {
    const row = element('steps').insertRow()
    row.insertCell().textContent = STEPS[name]
    row.insertCell().textContent = typeof seconds === 'number' ? milliseconds(seconds) : '–'
  }

  ping (seconds) {
    this.#pings.push(seconds)
    const most = Math.max(...this.#pings)
    const width = 600 / Math.max(1, this.#pings.length - 1)
    const points = this.#pings.map((each, index) => `${(index * width).toFixed(1)},${(116 - 108 * each / most).toFixed(1)}`)
    element('plot').firstElementChild.setAttribute('points', points.join(' '))
    const median = this.#pings.toSorted((a, b) => a - b)[this.#pings.length >> 1]
    element('ping').value = `median ${milliseconds(median)}, worst ${milliseconds(most)}`
  }

  moved (way, count) {
    this.#moved[way] += count
    element(way).value = this.#moved[way] / this.#size
  }

  done (way, seconds) {
    element(way).value = 1
    element(`${way}-rate`).value = `${(this.#size / 1e6 / seconds).toFixed(1)} MB/s`
  }
}

function status (text) {
  element('status').textContent = text
}

async function load () {
  const [pyodide, wheels, program] = await Promise.all([
    loadPyodide({ indexURL: './pyodide/' }),
    fetch('wheels/index.json').then((response) => response.json()),
    fetch('program.py').then((response) => response.text())
  ])
  element('code').textContent = program
  await pyodide.loadPackage(wheels.map((name) => `wheels/${name}`), { messageCallback: () => {} })
  pyodide.FS.writeFile('program.py', program)
  return pyodide.pyimport('program')
}

async function dial (program) {
  const mebibytes = element('size').valueAsNumber
  element('dial').disabled = true
  status('dialing')
  try {
    await program.show(element('address').value.trim(), element('version').value, mebibytes, new View(mebibytes))
    status(`${element('status').textContent}; done, and closed`)
  } catch (error) {
    // The last line of a traceback says what went wrong.
    status(error.message.trim().split('\n').at(-1))
  } finally {
    element('dial').disabled = false
  }
}

element('address').value = await fetch('address.json').then((response) => response.json())
const program = await load()
element('dial').textContent = 'Dial'
element('dial').disabled = false
element('form').addEventListener('submit', (event) => {
  event.preventDefault()
  dial(program)
})
