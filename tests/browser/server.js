/** A static server on loopback for the page, Pyodide, the wheels and js-libp2p's bundle. */
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { extname, join, normalize, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

const HERE = fileURLToPath(new URL('.', import.meta.url))
const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.wasm': 'application/wasm'
}
const HEADERS = {
  // A page that is isolated from other origins gets timers of microseconds in place of 0.1 to 1 ms.
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  // As strict as a page with Python in it can have it.
  'Content-Security-Policy': "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'"
}

/**
 * @param {string} wheels the folder that holds them
 * @returns {Promise<{origin: string, close: () => void}>} a server that runs, on a free port of 127.0.0.1
 */
export async function serve (wheels) {
  /** What a URL begins with, and the folder that stands for. Nothing else is served. */
  const folders = {
    '/page/': join(HERE, 'page'),
    '/pyodide/': join(HERE, 'node_modules', 'pyodide'),
    '/wheels/': resolve(wheels),
    '/js/': join(HERE, '..', '..', 'interop', 'js', 'dist')
  }
  const server = createServer(async (request, response) => {
    const file = fileFor(folders, new URL(request.url, 'http://localhost').pathname)
    try {
      const body = await readFile(file)
      const type = TYPES[extname(file)] ?? 'application/octet-stream'
      response.writeHead(200, { ...HEADERS, 'Content-Type': type }).end(body)
    } catch {
      response.writeHead(404).end()
    }
  })
  await new Promise((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve))
  const close = () => {
    server.close()
    server.closeAllConnections()
  }
  return { origin: `http://127.0.0.1:${server.address().port}`, close }
}

function fileFor (folders, path) {
  const start = Object.keys(folders).find((prefix) => path.startsWith(prefix))
  if (start === undefined) return ''
  const file = normalize(join(folders[start], decodeURIComponent(path.slice(start.length))))
  return file.startsWith(folders[start] + sep) ? file : ''
}
