/** How Chromium is started, here and for the tests of Python in a page. It imports nothing. */
const EXECUTABLE = process.env.CHROMIUM ?? '/usr/bin/chromium'
const ARGUMENTS = [
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

/** @param {string} fieldTrial a name in FIELD_TRIALS, or empty; returns what Playwright starts Chromium with */
export function chromiumOptions (fieldTrial) {
  return {
    executablePath: EXECUTABLE,
    args: fieldTrial === '' ? ARGUMENTS : [...ARGUMENTS, FIELD_TRIALS[fieldTrial]]
  }
}
