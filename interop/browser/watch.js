#!/usr/bin/env node
/**
 * One browser whose pages each hold a connection, and tell when it ends: for ../crash.py.
 *
 *     watch.js PAGE BROWSER        PAGE: bare, js or smoldot; BROWSER: chromium or firefox
 *
 * stdin has lines of JSON: {"id", "do": "watch", "address", "version", "active"} opens a page,
 * "do" reload, crash or close end it. stdout has what the pages tell, each with its id.
 * The end of stdin ends all.
 */
import { createInterface } from 'node:readline'

import { withBrowser } from './session.js'

/** Longer than anybody looks at it. */
const TIMEOUT_SECONDS = 3600
/** Of its log. A connection ends with `reset` whatever the cause is. */
const SMOLDOT_EVENTS = { 'handshake-finished': 'connected', reset: 'ended' }

const [name, browserName] = process.argv.slice(2)
const emit = (event) => process.stdout.write(`${JSON.stringify(event)}\n`)
const pages = new Map()

const ACTIONS = {
  async watch (id, { address, ...options }, open) {
    const page = await open(name)
    pages.set(id, page)
    if (name === 'smoldot') return await watchSmoldot(page, id, address)
    await page.exposeFunction('onWatch', (event) => emit({ ...event, id }))
    await page.evaluate(`window.interop.watch(${JSON.stringify(address)}, ${JSON.stringify(options)}, window.onWatch)`)
  },
  close: (id) => pages.get(id).close(),
  reload: (id) => pages.get(id).reload(),
  // A navigation there has no end that could be waited for.
  crash: (id) => pages.get(id).goto('chrome://crash').catch(() => {})
}

await withBrowser({ browser: browserName, timeout: TIMEOUT_SECONDS }, async ({ browser, open }) => {
  emit({ event: 'started', pid: browser.pid })
  for await (const line of createInterface({ input: process.stdin })) {
    const { id, do: action, ...options } = JSON.parse(line)
    // Pages do not wait for each other.
    ACTIONS[action](id, options, open).catch((error) => emit({ event: 'failed', id, detail: error.message }))
  }
})
// What drives a browser may keep a timer.
process.exit(0)

/** smoldot tells in its log alone, and dials again after an end. */
async function watchSmoldot (page, id, address) {
  await page.exposeFunction('onSmoldotLog', ({ message }) => {
    const [detail] = message.split(';', 1)
    const event = SMOLDOT_EVENTS[detail]
    if (event !== undefined) emit({ event, id, detail })
  })
  await page.exposeFunction('onIdentify', () => {})
  await page.evaluate(`window.interop.start(${JSON.stringify(address)})`)
}
