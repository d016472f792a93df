/** A page in a browser of its own, served by a server of its own; both end with it. */
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { startBrowser } from './browsers.js'
import { serve } from './server.js'

const HERE = fileURLToPath(new URL('.', import.meta.url))
/** What `webrtc-direct listen --web` serves: the client is a part of it. */
const WEB_PAGE = join(HERE, '..', '..', 'src', 'webrtc_direct', 'web', 'page')
/** What a URL of a page begins with, and the folder that stands for. */
export const FOLDERS = {
  '/page/client/': join(WEB_PAGE, 'client'),
  '/page/vendor/': join(WEB_PAGE, 'vendor'),
  '/page/': join(HERE, 'page'),
  '/node_modules/': join(HERE, 'node_modules'),
  '/pyodide/': join(HERE, 'node_modules', 'pyodide'),
  '/wheels/': join(HERE, '..', '..', 'build', 'browser'),
  '/interop/': join(HERE, '..'),
  '/js/': join(HERE, '..', 'js', 'dist')
}

/**
 * @template T
 * @param {{browser: string, fieldTrial?: string, timeout: number}} options `timeout` in seconds is for all of it
 * @param {(session: {browser: object, open: (name: string) => Promise<object>}) => Promise<T>} use
 * @returns {Promise<T>} what *use* returned
 */
export async function withBrowser (options, use) {
  let timer
  const late = new Promise((_, reject) => {
    const message = `not done within ${options.timeout} s`
    timer = setTimeout(() => reject(new Error(message)), options.timeout * 1000)
  })
  const server = await serve(FOLDERS)
  let browser
  try {
    browser = await startBrowser(options.browser, options)
    const open = (name) => browser.open(`${server.origin}/page/${name}.html`)
    return await Promise.race([use({ browser, open }), late])
  } finally {
    clearTimeout(timer)
    await browser?.close().catch(() => {})
    server.close()
  }
}

/**
 * @param {object} page of bare or js @param {string} address @param {object} options for the page
 * @returns {Promise<object>} the result
 * @throws {Error} with the page's own words
 */
export async function dialInPage (page, address, options) {
  const outcome = await page.evaluate(dialer(address, options))
  if (outcome.error !== undefined) throw new Error(outcome.error)
  return outcome.result
}

/** As text, because the two libraries that drive browsers pass arguments in different ways. */
function dialer (address, options) {
  const [addressText, optionsText] = [JSON.stringify(address), JSON.stringify(options)]
  return `(async () => {
    if (window.interop === undefined) return { error: 'the page did not load' }
    return window.interop.dial(${addressText}, ${optionsText}).then(
      (result) => ({ result }),
      (error) => ({ error: error.name === 'Error' ? error.message : error.name + ': ' + error.message })
    )
  })()`
}
