/** Numbers and errors as a person reads them. */

/** @param {number | null} value milliseconds @returns {string} such as `0.42 ms` */
export function milliseconds (value) {
  if (value === null) return '–'
  if (value < 10) return `${value.toFixed(2)} ms`
  if (value < 100) return `${value.toFixed(1)} ms`
  return value < 10_000 ? `${Math.round(value)} ms` : `${(value / 1000).toFixed(1)} s`
}

/** @param {number} bytes @returns {string} such as `1.5 MB`, in powers of 1000 */
export function size (bytes) {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  let unit = 0
  while (bytes >= 999.5 && unit < units.length - 1) {
    bytes /= 1000
    unit++
  }
  return `${unit === 0 || bytes >= 100 ? Math.round(bytes) : bytes.toPrecision(3)} ${units[unit]}`
}

/** @param {number} seconds @returns {string} such as `2 min 5 s` */
export function duration (seconds) {
  const whole = Math.floor(seconds)
  if (whole < 60) return `${whole} s`
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`
}

/** @param {number[]} samples at least one @returns {number} */
export function median (samples) {
  const sorted = samples.toSorted((a, b) => a - b)
  return sorted[Math.floor((sorted.length - 1) / 2)]
}

/** @param {string} id of a peer @returns {string} its beginning and its end, which is where peers differ */
export const short = (id) => (id.length > 20 ? `${id.slice(0, 8)}…${id.slice(-6)}` : id)

/** Why nothing can be dialed from this page. @returns {string | null} */
export function missing () {
  if (!window.isSecureContext) {
    const port = location.port || '80'
    return 'Browsers give cryptography to pages of https or of the same machine alone, and this one came by plain http from ' +
      `${location.hostname}. Forward the port, ssh -L ${port}:127.0.0.1:${port} ${location.hostname}, and open ` +
      `http://127.0.0.1:${port}/ here; or put an https proxy in front.`
  }
  if (window.RTCPeerConnection === undefined) return 'This browser has no WebRTC, or has it turned off.'
  return null
}

/** @param {Error} error of a dial @param {string} address that was dialed @returns {string} what went wrong, and what may help */
export function explain (error, address) {
  if (error.name === 'NotSupportedError') {
    return 'This browser lacks Ed25519 or X25519. Chromium has both since 137, Firefox since 130, Safari since 17.'
  }
  const text = sentence(error.message)
  if (!/^nobody answers/.test(error.message)) return text
  const loopback = /^\/ip4\/127\.|^\/ip6\/::1\//.test(address)
  if (loopback && navigator.userAgent.includes('Firefox')) {
    return `${text} Firefox does not use the loopback interface for WebRTC; have the listener listen on an address of your network, ` +
      'or set media.peerconnection.ice.loopback in about:config.'
  }
  if (loopback) return `${text} If this page comes through a forwarded port, choose an address of the network below.`
  return `${text} Is its UDP port open in every firewall on the way?`
}

/** @param {string} text @returns {string} with a capital letter and a full stop */
export const sentence = (text) => `${text[0].toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? '' : '.'}`
