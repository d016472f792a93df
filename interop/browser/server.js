/** A static server on loopback for the pages and the libraries that they import. */
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { extname, join, normalize, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

const HERE = fileURLToPath(new URL('.', import.meta.url))
/** What `webrtc-direct listen --web` serves: the client is a part of it. */
const WEB_PAGE = join(HERE, '..', '..', 'src', 'webrtc_direct', 'web', 'page')
/** What a URL begins with, and the folder that stands for; the first that fits. Nothing else is served. */
const FOLDERS = {
  '/page/client/': join(WEB_PAGE, 'client'),
  '/page/vendor/': join(WEB_PAGE, 'vendor'),
  '/page/': join(HERE, 'page'),
  '/node_modules/': join(HERE, 'node_modules'),
  '/js/': join(HERE, '..', 'js', 'dist')
}
/** A page that is isolated from other origins gets timers of microseconds in place of 0.1 to 1 ms. */
const ISOLATED = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' }
const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript; charset=utf-8' }

/** @returns {Promise<{origin: string, close: () => void}>} a server that runs, on a free port of 127.0.0.1 */
export async function serve () {
  const server = createServer(async (request, response) => {
    const file = fileFor(new URL(request.url, 'http://localhost').pathname)
    try {
      const body = await readFile(file)
      const type = TYPES[extname(file)] ?? 'application/octet-stream'
      response.writeHead(200, { ...ISOLATED, 'Content-Type': type }).end(body)
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

function fileFor (path) {
  const start = Object.keys(FOLDERS).find((prefix) => path.startsWith(prefix))
  if (start === undefined) return ''
  const file = normalize(join(FOLDERS[start], decodeURIComponent(path.slice(start.length))))
  return file.startsWith(FOLDERS[start] + sep) ? file : ''
}
