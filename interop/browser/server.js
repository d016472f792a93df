/** A static server on loopback for pages and what they import, here and for the tests of Python in a page. */
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { extname, join, normalize, sep } from 'node:path'

const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.py': 'text/x-python; charset=utf-8',
  '.wasm': 'application/wasm'
}
/** A page that is isolated from other origins gets timers of microseconds in place of 0.1 to 1 ms. */
const ISOLATED = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' }

/**
 * @param {Record<string, string>} folders what a URL begins with, and the folder that stands for; the first
 *   that fits. Nothing else is served.
 * @param {Record<string, string>} headers for each answer
 * @returns {Promise<{origin: string, close: () => void}>} a server that runs, on a free port of 127.0.0.1
 */
export async function serve (folders, headers = {}) {
  const server = createServer(async (request, response) => {
    const file = fileFor(folders, new URL(request.url, 'http://localhost').pathname)
    try {
      const body = await readFile(file)
      const type = TYPES[extname(file)] ?? 'application/octet-stream'
      response.writeHead(200, { ...ISOLATED, ...headers, 'Content-Type': type }).end(body)
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
