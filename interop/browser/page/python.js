/**
 * Loads Python and the wheels that /wheels/index.json names. Then `interop.dial` does what the other pages do, with
 * the modules of ../../; `python` runs code, and `write` adds modules.
 */
import { loadPyodide } from '/pyodide/pyodide.mjs'

const MODULES = ['content', 'python_transfers', 'python_endings', 'python_dial']
/** A string of JSON is one of Python, too. */
const dialing = (options) => `
import json, types, python_dial
options = json.loads(${JSON.stringify(JSON.stringify(options))})
json.dumps(await python_dial.dial(types.SimpleNamespace(**options)))
`

window.ready = (async () => {
  const [pyodide, names] = await Promise.all([
    loadPyodide({ indexURL: '/pyodide/' }),
    fetch('/wheels/index.json').then((response) => response.json())
  ])
  await pyodide.loadPackage(names.map((name) => `/wheels/${name}`), { messageCallback: () => {} })
  window.write = (name, text) => pyodide.FS.writeFile(name, text)
  /** @returns {Promise<unknown>} what the code's last expression is; it must be JSON */
  window.python = async (code) => JSON.parse(await pyodide.runPythonAsync(code))
})()

window.interop = {
  async dial (address, options) {
    await window.ready
    for (const name of MODULES) {
      window.write(`${name}.py`, await fetch(`/interop/${name}.py`).then((response) => response.text()))
    }
    const named = Object.entries({ ...options, address }).map(([name, value]) => [underscored(name), value])
    try {
      return await window.python(dialing(Object.fromEntries(named)))
    } catch (error) {
      // The last line of a traceback says what went wrong, after the name of an exception that tells nothing.
      throw new Error(error.message.trim().split('\n').at(-1).replace(/^python_dial\.StepFailed: /, ''))
    }
  }
}

const underscored = (name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
