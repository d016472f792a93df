/** The entry of the page: it loads Python, has it run program.py, and shows what happens. */
import { loadPyodide } from './pyodide/pyodide.mjs'
import { CodePanel } from './code.js'
import { View } from './view.js'
import { ListenerPanel } from './shared/connections.js'
import { byId, show } from './shared/elements.js'

const code = new CodePanel(byId('code'))
const listener = new ListenerPanel()
const button = byId('dial')
const LOAD = `
import anyio.abc, anyio.streams.memory, anyio.to_thread
import webrtc_direct.node.dialer, webrtc_direct.platform.browser, webrtc_direct.protocols.perf
await anyio.sleep(0)
`
let view = null

/** Python with the package, and program.py as a module. */
async function load () {
  const started = performance.now()
  const source = await fetch('program.py').then((response) => response.text())
  code.show(source)
  const [pyodide, wheels] = await Promise.all([
    loadPyodide({ indexURL: './pyodide/' }),
    fetch('wheels/index.json').then((response) => response.json())
  ])
  await pyodide.loadPackage(wheels.map((name) => `wheels/${name}`), { messageCallback: () => {} })
  pyodide.FS.writeFile('program.py', source)
  const program = pyodide.pyimport('program')
  // Else the first dial would load them, and look slow. anyio loads what it has for asyncio where it is used first.
  await pyodide.runPythonAsync(LOAD)
  const version = pyodide.runPython('import sys; sys.version.split()[0]')
  const seconds = (performance.now() - started) / 1000
  show(byId('runtime'), `CPython ${version} as WebAssembly (Pyodide ${pyodide.version}), ready in ${seconds.toFixed(1)} s.`)
  return program
}

/** From a dial to its end. */
async function run (program) {
  const version = document.querySelector('input[name=version]:checked').value
  complain(null)
  status('running', 'Dialing')
  view = new View(code, version, (connected, peerId) => {
    status('done', `Connected, ${connected}`)
    listener.ownPeerId = peerId
    listener.refresh()
    button.disabled = false
    show(button, 'Disconnect')
  })
  try {
    await program.show(byId('address').value.trim(), version, view)
    view.closed()
    status('idle', 'Disconnected')
  } catch (error) {
    const text = explain(error)
    view.failed(text, error.type)
    complain(text)
    status('failed', error.type === 'ConnectionLost' ? 'Disconnected' : 'Not connected')
  }
  view = null
  button.disabled = false
  show(button, 'Dial again')
  listener.refresh()
}

function status (state, text) {
  byId('status').dataset.state = state
  show(byId('status-text'), text)
}

function complain (text) {
  byId('problem').hidden = text === null
  show(byId('problem'), text ?? '')
}

/** The last line of a traceback, without the module of the exception. */
const explain = (error) => error.message.trim().split('\n').at(-1).replace(/^(?:\w+\.)+(?=\w+:)/, '')

try {
  const loading = load()
  await listener.start()
  byId('address').value = listener.address ?? ''
  byId('addresses').addEventListener('change', () => (byId('address').value = listener.address))
  const program = await loading
  button.addEventListener('click', () => {
    button.disabled = true
    if (view === null) run(program)
    else view.close()
  })
  run(program)
} catch (error) {
  complain(`Python cannot be loaded: ${explain(error)}`)
  status('failed', 'No Python')
}
