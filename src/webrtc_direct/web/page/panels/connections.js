/** What the listener tells of itself: its addresses, and who is connected. */
import { byId, make, show } from './elements.js'
import { duration, milliseconds, short, size } from './words.js'

const EVERY_MS = 1000
const ANSWER_MS = 5000
const COLUMNS = ['Peer', 'Remote', 'Version', 'Age', 'Received', 'Sent', 'Round trip']

/** Asks the server while somebody looks. */
export class ListenerPanel {
  /** The peer id of this page, once it has one. */
  ownPeerId = null
  /** Whether nobody answers any more where this page came from. */
  gone = false
  #addresses = []
  #chosen = null
  #rows = byId('connections')

  /** @returns {string} the address to dial */
  get address () {
    return this.#chosen
  }

  /** Ask again and again. @returns {Promise<void>} when the first answer is there */
  async start () {
    await this.refresh()
    setInterval(() => {
      if (!document.hidden) this.refresh()
    }, EVERY_MS)
  }

  /** Ask now. */
  async refresh () {
    try {
      const response = await fetch('listener.json', { signal: AbortSignal.timeout(ANSWER_MS) })
      if (!response.ok) throw new Error(await response.text())
      this.#show(await response.json())
      this.gone = false
    } catch (error) {
      // A server that has ended is a TypeError of fetch; one that is late, or answers nonsense, is another error.
      this.gone = error instanceof TypeError
      this.#forget(this.gone ? `The listener has ended: nobody answers at ${location.host}.` : 'The listener does not answer.')
    }
  }

  /** What was true a while ago is not shown as if it were true now. */
  #forget (why) {
    byId('connections-count').dataset.state = 'failed'
    show(byId('connections-count'), why)
    this.#rows.replaceChildren()
    this.#rows.closest('table').hidden = true
    byId('connections-empty').hidden = true
  }

  #show (listener) {
    if (listener.addresses.join() !== this.#addresses.join()) this.#showAddresses(listener.addresses)
    const { connections, connections_now: now, connections_total: total } = listener
    delete byId('connections-count').dataset.state
    const listed = connections.length < now ? `, the newest ${connections.length} listed` : ''
    show(byId('connections-count'), `${now} now, ${total} so far${listed}`)
    byId('connections-empty').hidden = now > 0
    this.#rows.closest('table').hidden = now === 0
    while (this.#rows.children.length > connections.length) this.#rows.lastElementChild.remove()
    while (this.#rows.children.length < connections.length) this.#rows.append(emptyRow())
    connections.forEach((connection, index) => fill(this.#rows.children[index], connection, this.ownPeerId))
  }

  #showAddresses (addresses) {
    this.#addresses = addresses
    this.#chosen = nearest(addresses)
    byId('addresses').replaceChildren(...addresses.map((address) => this.#addressRow(address)))
  }

  #addressRow (address) {
    const radio = make('input', { type: 'radio', name: 'address' })
    radio.checked = address === this.#chosen
    radio.addEventListener('change', () => (this.#chosen = address))
    const button = make('button', { type: 'button', 'aria-label': `Copy ${address}` }, 'Copy')
    const code = make('code', {}, ...breakable(address))
    button.addEventListener('click', () => copy(address, code, button))
    return make('li', {}, make('label', {}, radio, code), button)
  }
}

function emptyRow () {
  return make('tr', {}, ...COLUMNS.map((name) => make('td', { 'data-name': name }, make('span'))))
}

function fill (row, connection, ownPeerId) {
  const own = connection.peer_id === ownPeerId
  const host = connection.remote_ip.includes(':') ? `[${connection.remote_ip}]` : connection.remote_ip
  const texts = [
    short(connection.peer_id),
    `${host}:${connection.remote_port}`,
    connection.version,
    duration(connection.age_seconds),
    size(connection.bytes_received),
    size(connection.bytes_sent),
    milliseconds(connection.round_trip_ms)
  ]
  texts.forEach((text, index) => show(row.children[index].firstElementChild, text))
  row.children[0].firstElementChild.title = connection.peer_id
  row.classList.toggle('own', own)
}

/** The address that this page most likely reaches: the host it came from, or one like it. */
function nearest (addresses) {
  const host = location.hostname.replace(/^\[|\]$/g, '')
  const loopback = /^(localhost|127\..*|::1)$/
  const ip = (address) => address.split('/')[2]
  return addresses.find((address) => ip(address) === host) ??
    addresses.find((address) => loopback.test(ip(address)) === loopback.test(host)) ?? addresses[0]
}

/** An address in parts between which a line may break. */
const breakable = (address) => address.split(/(?=\/(?:certhash|p2p)\/)/).flatMap((part) => [part, document.createElement('wbr')])

async function copy (text, code, button) {
  try {
    await navigator.clipboard.writeText(text)
    show(button, 'Copied')
    show(byId('copied'), 'The address is in the clipboard.')
  } catch {
    // There is no clipboard for pages of plain http: leave the last step to the person.
    getSelection().selectAllChildren(code)
    show(button, 'Selected')
    show(byId('copied'), 'The address is selected; copy it.')
  }
  setTimeout(() => show(button, 'Copy'), 2000)
}
