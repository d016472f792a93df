/** Loads Python and the wheels that /wheels/index.json names; then `window.python` runs code, `window.write` adds modules. */
import { loadPyodide } from '/pyodide/pyodide.mjs'

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
