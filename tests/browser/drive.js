/**
 * Chromium with pages that run Python, driven by JSON lines on stdin: {"id": 1, "op": "open"} and so on.
 * Each is answered on stdout, in any order: {"id": 1, "value": …} or {"id": 1, "error": "…"}.
 *
 *     open                          a new page with Python and the package in it; its number
 *     visit  {url}                  a page as it is; its number
 *     file   {page, name, text}     a module that Python can import
 *     python {page, code}           what `await`ing the code gives, as JSON
 *     script {page, source}         the same for JavaScript
 *     heap   {page}                 bytes of the page's JavaScript heap, after a collection
 *     type   {page, field, text}    types into the field, a CSS selector, and presses Enter
 *     screenshot {page, path}       a PNG of what is seen
 *     close  {page}
 *
 * The end of stdin ends Chromium.
 */
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

import { startBrowser } from '../../interop/browser/browsers.js'
import { serve } from '../../interop/browser/server.js'
import { FOLDERS } from '../../interop/browser/session.js'

const TEST_WHEELS = fileURLToPath(new URL('../../build/browser-tests', import.meta.url))
// As strict as a page with Python in it can have it.
const POLICY = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'"

const { values: options } = parseArgs({ options: { 'field-trial': { type: 'string', default: '' } } })
const site = await serve({ ...FOLDERS, '/test-wheels/': TEST_WHEELS }, { 'Content-Security-Policy': POLICY })
const browser = await startBrowser('chromium', { fieldTrial: options['field-trial'] })
const pages = []

const operations = {
  async open () {
    const number = await operations.visit({ url: `${site.origin}/page/python.html` })
    await pages[number].waitForFunction(() => window.ready !== undefined)
    await pages[number].evaluate(() => window.ready)
    return number
  },
  async visit ({ url }) {
    const page = await browser.newPage()
    page.on('console', (message) => console.error(message.text()))
    page.on('pageerror', (error) => console.error(error))
    await page.goto(url)
    return pages.push(page) - 1
  },
  file: ({ page, name, text }) => pages[page].evaluate(([name, text]) => window.write(name, text), [name, text]),
  python: ({ page, code }) => pages[page].evaluate((code) => window.python(code), code),
  script: ({ page, source }) => pages[page].evaluate(source),
  async heap ({ page }) {
    const session = await pages[page].context().newCDPSession(pages[page])
    await session.send('HeapProfiler.collectGarbage')
    const { usedSize } = await session.send('Runtime.getHeapUsage')
    await session.detach()
    return usedSize
  },
  async type ({ page, field, text }) {
    await pages[page].fill(field, text)
    await pages[page].press(field, 'Enter')
  },
  async screenshot ({ page, path }) {
    await pages[page].screenshot({ path })
  },
  close: ({ page }) => pages[page].close()
}

async function answer (line) {
  const { id, op, ...rest } = JSON.parse(line)
  try {
    reply({ id, value: (await operations[op](rest)) ?? null })
  } catch (error) {
    reply({ id, error: error.message })
  }
}

function reply (message) {
  process.stdout.write(JSON.stringify(message) + '\n')
}

const lines = createInterface({ input: process.stdin })
lines.on('line', answer)
lines.on('close', async () => {
  await browser.close()
  site.close()
})
