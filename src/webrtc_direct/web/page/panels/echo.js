/** A text there and back over /echo/1.0.0. */
import { concat, utf8 } from '../client/bytes.js'
import { byId, make } from './elements.js'
import { milliseconds, sentence } from './words.js'

const KEPT = 5

/** The form and what came back. A connection is set with `use`. */
export class EchoPanel {
  #connection = null
  #button = byId('echo-send')
  #answers = byId('echo-answers')

  constructor () {
    byId('echo-form').addEventListener('submit', (event) => {
      event.preventDefault()
      if (!this.#button.disabled) this.#send(byId('echo-text').value)
    })
  }

  /** @param {import('../client/connection.js').Connection | null} connection null while there is none */
  use (connection) {
    this.#connection = connection
    this.#button.disabled = connection === null
  }

  async #send (text) {
    if (text === '') return this.#add('', 'There is nothing to send. Type some text first.', 'failed')
    try {
      const sent = utf8(text)
      const started = performance.now()
      const received = await echo(this.#connection, sent)
      const took = performance.now() - started
      this.#add(new TextDecoder().decode(received), `${received.length} bytes there and back in ${milliseconds(took)}`)
    } catch (error) {
      this.#add('', sentence(error.message), 'failed')
    }
  }

  #add (text, detail, state = 'done') {
    const row = make('li', { 'data-state': state }, make('span', { class: 'said' }, text), make('span', { class: 'detail' }, detail))
    this.#answers.prepend(row)
    while (this.#answers.children.length > KEPT) this.#answers.lastElementChild.remove()
  }
}

/** @throws {Error} something else came back */
async function echo (connection, sent) {
  const stream = await connection.openStream('/echo/1.0.0')
  await stream.write(sent)
  await stream.closeWrite()
  let received = new Uint8Array(0)
  for (let data; (data = await stream.read()) !== null; ) {
    received = concat(received, data)
    if (received.length > sent.length) throw new Error('more came back than was sent')
  }
  if (received.some((byte, index) => byte !== sent[index]) || received.length < sent.length) throw new Error('something else came back')
  return received
}
