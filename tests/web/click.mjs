/**
 * Clicks through the page as a person would: `click.mjs SCENARIO URL [PID]`. It ends with 1 and says why
 * if something is not as it must be; else it prints what was measured, as JSON.
 */
import assert from 'node:assert/strict'
import { startBrowser } from '../../interop/browser/browsers.js'

const STEP_MS = 30_000
const WIDE = { width: 1280, height: 900 }
const WIDTHS = [1280, 860, 390, 360]
/** What Chromium has to say of a server that has gone, and of isolation without a secure context. */
const EXPECTED = {
  ended: /net::ERR_(CONNECTION_REFUSED|CONNECTION_RESET|EMPTY_RESPONSE)/,
  python: /net::ERR_(CONNECTION_REFUSED|CONNECTION_RESET|EMPTY_RESPONSE)/,
  insecure: /Cross-Origin-Opener-Policy header has been ignored/
}
const HOSTILE = '<b>bold</b> <img src=x onerror="alert(1)"> &amp; \u202e'

const SCENARIOS = {
  /** Everything that the page has, in order. */
  async all (page) {
    await is(page, '#status-text', /^Connected, v1$/)
    await steps(page, 'done', 11)
    await is(page, '#agent', /^webrtc-direct\/.* speaks .*\/echo\/1\.0\.0/)
    await page.waitForFunction(() => document.querySelector('#ping-plot polyline')?.getAttribute('points').split(' ').length >= 4)
    for (const figure of ['current', 'median', 'worst']) await is(page, `#ping-${figure}`, /^[\d.]+ ms$/)

    const speeds = await measure(page)

    await page.fill('#echo-text', HOSTILE)
    await page.keyboard.press('Enter')
    await page.waitForSelector('#echo-answers li')
    assert.equal(await page.locator('#echo-answers .said').first().textContent(), HOSTILE)
    assert.equal(await page.locator('#echo-answers b, #echo-answers img').count(), 0)
    await is(page, '#echo-answers .detail', /^\d+ bytes there and back in [\d.]+ ms$/)
    await page.fill('#echo-text', '')
    await page.keyboard.press('Enter')
    await is(page, '#echo-answers .detail', /^There is nothing to send/)

    await page.waitForSelector('#connections tr.own')
    assert.equal(await page.locator('#connections tr').count(), 1)
    await is(page, '#connections tr td:nth-child(2)', /^127\.0\.0\.1:\d+$/)
    await page.waitForFunction(() => / MB$/.test(document.querySelector('#connections td:nth-child(5)').textContent))
    await is(page, '#connections-count', /^1 now, 1 so far$/)

    await page.locator('#addresses button').first().click()
    await is(page, '#addresses button', /^(Copied|Selected)$/)
    await fits(page)

    await page.click('#ping-pause')
    await is(page, '#ping-pause', /^Resume$/)
    const points = await page.getAttribute('#ping-plot polyline', 'points')
    await page.waitForTimeout(1200)
    assert.equal(await page.getAttribute('#ping-plot polyline', 'points'), points)
    await page.click('#ping-pause')
    await is(page, '#ping-pause', /^Pause$/)

    // The keyboard alone ends the connection, chooses the version and dials again.
    await page.focus('#dial')
    await page.keyboard.press('Enter')
    await is(page, '#status-text', /^Disconnected$/)
    await steps(page, 'done', 12)
    await page.waitForSelector('#connections-empty:visible')
    for (const id of ['#echo-send', '#transfer-start', '#ping-pause']) assert.equal(await page.isDisabled(id), true, id)
    await page.focus('input[name=version][value=v1]')
    await page.keyboard.press('ArrowRight')
    await page.focus('#dial')
    await page.keyboard.press('Enter')
    await is(page, '#status-text', /^Connected, v2$/)
    await steps(page, 'done', 11)
    await is(page, '#connections-count', /^1 now, 2 so far$/)
    await is(page, '#connections td:nth-child(3)', /^v2$/)
    assert.equal(await page.isHidden('#problem'), true)
    const total = await page.textContent('#total')
    // The listener is told at once that the page has gone.
    await page.goto('about:blank')
    await page.waitForTimeout(500)
    return { speeds, total }
  },

  /** A browser that refuses v1 is served by v2. */
  async refused (page) {
    await is(page, '#status-text', /^Connected, v2$/)
    await stands(page, '#note')
    await is(page, '#note', /v1 needs.*v2/)
    await steps(page, 'done', 11)
    return {}
  },

  /** The listener ends while somebody looks. */
  async ended (page, pid) {
    await steps(page, 'done', 11)
    process.kill(pid, 'SIGTERM')
    await is(page, '#status-text', /^Disconnected$/)
    await stands(page, '#problem')
    await is(page, '#problem', /^The listener closed the connection\. It has ended: nobody answers at 127\.0\.0\.1:\d+\.$/)
    await is(page, '#connections-count', /^The listener has ended/)
    assert.equal(await page.locator('#connections tr').count(), 0)
    assert.equal(await page.isHidden('#connections-empty'), true)
    await page.click('#dial')
    await is(page, '#problem', /^Nobody answers at 127\.0\.0\.1 port \d+/)
    await steps(page, 'failed', 2)
    return {}
  },

  /** The page of examples/browser: Python does all this. */
  async python (page, pid) {
    await is(page, '#status-text', /^Connected, v2$/)
    await steps(page, 'done', 8, 3)
    await is(page, '#runtime', /^CPython 3\.\d+\.\d+ as WebAssembly .* ready in [\d.]+ s\.$/)
    await is(page, '#timeline .row:has(.name:text-is("streams")) .remark', /hello, world/)
    await page.waitForFunction(() => document.querySelector('#ping-plot polyline')?.getAttribute('points').split(' ').length >= 4)
    for (const figure of ['current', 'median', 'worst']) await is(page, `#ping-${figure}`, /^[\d.]+ ms$/)
    // The code is shown whole, and the line that runs stands out.
    assert.equal(await page.textContent('#code'), await (await fetch(new URL('program.py', url))).text())
    await page.waitForSelector('#code [data-state=running]')

    await measure(page)
    await page.waitForSelector('#connections tr.own')
    await is(page, '#connections td:nth-child(5)', / MB$/)
    await fits(page)

    await page.click('#dial')
    await is(page, '#status-text', /^Disconnected$/)
    await steps(page, 'done', 9, 3)
    await page.waitForSelector('#connections-empty:visible')
    assert.equal(await page.isDisabled('#transfer-start'), true)

    // The keyboard alone chooses the version and dials again.
    await page.focus('input[name=version][value=v2]')
    await page.keyboard.press('ArrowRight')
    await page.focus('#dial')
    await page.keyboard.press('Enter')
    await is(page, '#status-text', /^Connected, v1$/)
    const total = await page.textContent('#total')
    await page.click('#dial')
    await is(page, '#status-text', /^Disconnected$/)

    const address = await page.inputValue('#address')
    await page.fill('#address', '/ip4/127.0.0.1/udp/9/webrtc-direct')
    await page.click('#dial')
    await stands(page, '#problem')
    await is(page, '#problem', /^AddressError: certhash: missing/)
    await steps(page, 'failed', 1)

    await page.fill('#address', address)
    await page.click('#dial')
    await is(page, '#status-text', /^Connected, v1$/)
    assert.equal(await page.isHidden('#problem'), true)
    // The listener is told at once that the page has gone.
    await page.reload()
    await is(page, '#status-text', /^Connected, v2$/)
    await is(page, '#connections-count', /^1 now, 4 so far$/)
    process.kill(pid, 'SIGTERM')
    await is(page, '#status-text', /^Disconnected$/)
    await stands(page, '#problem')
    await is(page, '#problem', /^ConnectionLost: /)
    return { total }
  },

  /** Plain http from elsewhere: no cryptography for the page, but it says what to do. */
  async insecure (page) {
    await is(page, '#status-text', /^Not connected$/)
    await stands(page, '#problem')
    await is(page, '#problem', /ssh -L \d+:127\.0\.0\.1:\d+ .*https proxy/)
    await is(page, '#connections-count', /^0 now/)
    await fits(page)
    return {}
  }
}

/** Wait until the first element that fits *selector* says so. */
async function is (page, selector, pattern) {
  const place = page.locator(selector).first()
  const deadline = performance.now() + STEP_MS
  let text
  while (!pattern.test((text = await place.textContent()))) {
    assert.ok(performance.now() < deadline, `${selector} says ${JSON.stringify(text)}, not ${pattern}`)
    await page.waitForTimeout(50)
  }
}

/** It is seen without scrolling, above all else. */
async function stands (page, selector) {
  await page.waitForSelector(`${selector}:visible`)
  const { y } = await page.locator(selector).boundingBox()
  const first = await page.locator('.card').first().boundingBox()
  assert.ok(y >= 0 && y < first.y, `${selector} stands at ${y}`)
}

/** Data moves both ways. */
async function measure (page) {
  await page.selectOption('#transfer-size', '8000000')
  await page.click('#transfer-start')
  await page.waitForFunction(() =>
    [...document.querySelectorAll('[role=progressbar]')].map((bar) => bar.getAttribute('aria-valuenow')).join() === '100,100')
  const speeds = await page.locator('.meter .speed').allTextContents()
  assert.equal(speeds.every((text) => /^[\d.]+ MB\/s$/.test(text)), true, speeds.join())
  await page.waitForSelector('#transfer-start:enabled')
  return speeds
}

/** So many steps are in this state, all but *timeless* of them with a time. */
async function steps (page, state, count, timeless = 0) {
  count += timeless
  await page.waitForFunction(([state, count]) => document.querySelectorAll(`#timeline [data-state="${state}"]`).length === count, [state, count])
  const times = await page.locator(`#timeline [data-state="${state}"] .time`).allTextContents()
  assert.equal(times.filter((text) => /^[\d.]+ m?s$/.test(text)).length, count - timeless, times.join())
}

/** Nothing is cut off at the right, at any width. */
async function fits (page) {
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: 844 })
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), width, `at ${width} pixels`)
    const outside = await page.evaluate(() =>
      // The head of a narrow table is for screen readers alone; code is scrolled in its place.
      [...document.querySelectorAll('main :not(thead, thead *, pre *)')].filter((element) => element.getBoundingClientRect().right > innerWidth + 1).map((element) => element.outerHTML))
    assert.deepEqual(outside, [], `at ${width} pixels`)
  }
  await page.setViewportSize(WIDE)
}

const [scenario, url, pid] = process.argv.slice(2)
const browser = await startBrowser('chromium', { fieldTrial: scenario === 'refused' ? 'no-munging' : '' })
try {
  const page = await browser.newPage({ viewport: WIDE })
  page.setDefaultTimeout(STEP_MS)
  const wrong = []
  page.on('console', (message) => wrong.push(`console: ${message.text()}`))
  page.on('pageerror', (error) => wrong.push(`error: ${error.stack}`))
  page.on('dialog', (dialog) => wrong.push(`dialog: ${dialog.message()}`))
  page.on('request', (request) => request.url().startsWith(url) || wrong.push(`request: ${request.url()}`))
  const response = await page.goto(url)
  assert.equal(response.status(), 200)
  const seen = await SCENARIOS[scenario](page, Number(pid))
  // A violation of the Content-Security-Policy is an error in the console.
  const unexpected = wrong.filter((text) => !EXPECTED[scenario]?.test(text))
  assert.deepEqual(unexpected, [])
  console.log(JSON.stringify(seen))
} catch (error) {
  console.error(error.message)
  process.exitCode = 1
} finally {
  await browser.close()
}
