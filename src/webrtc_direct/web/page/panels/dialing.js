/** Dials the listener, and tells the other panels of the connection. */
import { encodeCerthash } from '../client/address.js'
import { CredentialsRefused, dial } from '../client/connection.js'
import { identify } from '../client/identify.js'
import { Identity } from '../client/identity.js'
import { ping, PING_PROTOCOL } from '../client/ping.js'
import { byId, make, show } from './elements.js'
import { explain, milliseconds, sentence, short } from './words.js'

/** More than an honest peer says of itself. */
const MAX_AGENT = 100
const MAX_PROTOCOLS = 30

/** The button, the choice of the version, the status and the words when something fails. */
export class Dialing {
  #timeline
  #listener
  #panels
  #identity = null
  #connection = null
  #button = byId('dial')

  /**
   * @param {import('./timeline.js').Timeline} timeline @param {import('./connections.js').ListenerPanel} listener
   * @param {{ping: object, others: object[]}} panels that use the connection
   */
  constructor (timeline, listener, panels) {
    this.#timeline = timeline
    this.#listener = listener
    this.#panels = panels
    this.#button.addEventListener('click', () => (this.#connection === null ? this.dial() : this.#disconnect()))
    // Without this a listener hears nothing from a tab that is closed, and waits until silence is proof.
    window.addEventListener('pagehide', () => this.#connection?.close())
  }

  /** Dial with the version that is chosen, and go on with v2 where the browser refuses v1. */
  async dial () {
    const address = this.#listener.address
    this.#button.disabled = true
    this.#complain(null)
    this.#note(null)
    try {
      await this.#dial(address)
    } catch (error) {
      const text = explain(error, address)
      this.#drop()
      this.#timeline.fail(text)
      this.#complain(text)
      this.#status('failed', 'Not connected')
    }
    this.#button.disabled = false
  }

  async #dial (address) {
    try {
      await this.#connect(address, version())
    } catch (error) {
      if (!(error instanceof CredentialsRefused) || version() !== 'v1') throw error
      document.querySelector('input[name=version][value=v2]').checked = true
      this.#note('This browser lets no page choose its ICE credentials, which v1 needs. Dialed with v2.')
      await this.#connect(address, 'v2')
    }
  }

  async #connect (address, version) {
    this.#status('running', `Dialing, ${version}`)
    this.#timeline.begin(version)
    this.#identity ??= await Identity.generate()
    this.#listener.ownPeerId = this.#identity.peerId
    const { onStep } = this.#timeline
    const connection = await dial(address, { version, identity: this.#identity, onStep })
    this.#timeline.remark('certificate', `ours: ${encodeCerthash(connection.certhashes.client)}`)
    this.#timeline.remark('dtls', `peer: ${encodeCerthash(connection.certhashes.server)}`)
    this.#timeline.remark('noise', `proven: ${connection.peerId}`)
    this.#use(connection)
    await this.#streams(connection)
  }

  #use (connection) {
    this.#connection = connection
    this.#status('done', `Connected, ${connection.version}`)
    show(this.#button, 'Disconnect')
    this.#panels.others.forEach((panel) => panel.use(connection))
    connection.closed.then((reason) => this.#ended(connection, reason))
  }

  async #streams (connection) {
    const { onStep } = this.#timeline
    onStep('streams', 'begins')
    const started = performance.now()
    const { agent, protocols } = await identify(connection)
    const identified = performance.now()
    const took = await ping(await connection.openStream(PING_PROTOCOL))
    onStep('streams', 'ends')
    this.#timeline.remark('streams', `identify ${milliseconds(identified - started)}, ping ${milliseconds(took)}`)
    byId('agent').replaceChildren(
      make('strong', {}, agent.slice(0, MAX_AGENT)), ` ${short(connection.peerId)} speaks `,
      ...protocols.slice(0, MAX_PROTOCOLS).flatMap((protocol) => [make('code', {}, protocol), ' ']))
    this.#listener.refresh()
    // It ends with the connection, which is told above.
    this.#panels.ping.run(connection).catch((error) => connection === this.#connection && this.#complain(sentence(error.message)))
  }

  /** A connection on which something is wrong is none. */
  #drop () {
    const connection = this.#connection
    this.#connection = null
    connection?.close()
    this.#panels.others.forEach((panel) => panel.use(null))
    show(this.#button, 'Dial again')
  }

  #disconnect () {
    this.#timeline.onStep('closing', 'begins')
    this.#connection.close()
  }

  #ended (connection, reason) {
    if (connection !== this.#connection) return
    this.#connection = null
    this.#panels.others.forEach((panel) => panel.use(null))
    const own = reason.startsWith('this end')
    if (!own) this.#timeline.onStep('closing', 'begins')
    this.#timeline.onStep('closing', 'ends')
    this.#timeline.remark('closing', own ? 'by this page' : reason)
    show(this.#button, 'Dial again')
    this.#status(own ? 'idle' : 'failed', 'Disconnected')
    if (!own) this.#complain(sentence(reason))
    this.#listener.refresh().then(() => {
      const stands = this.#connection === null && !this.#button.disabled
      if (!own && stands && this.#listener.gone) this.#complain(`${sentence(reason)} It has ended: nobody answers at ${location.host}.`)
    })
  }

  #status (state, text) {
    byId('status').dataset.state = state
    show(byId('status-text'), text)
  }

  #complain (text) {
    byId('problem').hidden = text === null
    show(byId('problem'), text ?? '')
  }

  #note (text) {
    byId('note').hidden = text === null
    show(byId('note'), text ?? '')
  }
}

const version = () => document.querySelector('input[name=version]:checked').value
