/** Starts Debian's Chromium or Firefox, without a window, with a profile of its own that is thrown away. */
import { chromium } from 'playwright-core'
import puppeteer from 'puppeteer-core'

const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium'
const FIREFOX = process.env.FIREFOX ?? '/usr/bin/firefox-esr'
const START_MS = 60_000

const CHROMIUM_ARGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync'
]
/** What Chromium may turn on or off for anyone. */
export const FIELD_TRIALS = {
  // A page cannot overwrite its ICE credentials then, as v1 has to.
  'no-munging': '--force-fieldtrials=WebRTC-NoSdpMangleUfrag/Enabled/',
  // Without a post-quantum key share the ClientHello fits into one datagram.
  'no-pqc': '--disable-features=WebRtcPqcForDtls'
}

const FIREFOX_PREFERENCES = {
  // Firefox gathers no loopback addresses without the first, and without leave for a camera only
  // those of the default route. It reaches no listener on loopback unless both are set.
  'media.peerconnection.ice.loopback': true,
  'permissions.default.camera': 1,
  'media.peerconnection.ice.obfuscate_host_addresses': false,
  'app.update.enabled': false,
  'datareporting.policy.dataSubmissionEnabled': false,
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false
}

/**
 * @param {'chromium' | 'firefox'} name @param {{fieldTrial?: string}} options
 *   `fieldTrial` is a name in FIELD_TRIALS, or empty
 * @returns {Promise<{pid: number, open: (url: string) => Promise<object>, close: () => Promise<void>}>}
 *   `open` returns a page with `evaluate`, `exposeFunction`, `on` and `close`; that of Chromium has Playwright's `newPage`
 */
export function startBrowser (name, { fieldTrial = '' } = {}) {
  return name === 'chromium' ? startChromium(fieldTrial) : startFirefox()
}

async function startChromium (fieldTrial) {
  const server = await chromium.launchServer({
    executablePath: CHROMIUM,
    args: fieldTrial === '' ? CHROMIUM_ARGS : [...CHROMIUM_ARGS, FIELD_TRIALS[fieldTrial]],
    timeout: START_MS
  })
  const browser = await chromium.connect(server.wsEndpoint())
  const newPage = (options) => browser.newPage(options)
  return { pid: server.process().pid, newPage, open: (url) => open(browser, url), close: () => server.close() }
}

async function startFirefox () {
  const browser = await puppeteer.launch({
    browser: 'firefox',
    executablePath: FIREFOX,
    extraPrefsFirefox: FIREFOX_PREFERENCES,
    // A dial has a limit of its own.
    protocolTimeout: 0,
    timeout: START_MS
  })
  return { pid: browser.process().pid, open: (url) => open(browser, url), close: () => browser.close() }
}

async function open (browser, url) {
  const page = await browser.newPage()
  await page.goto(url)
  return page
}
