/** Shows Python, and which lines of it run. */
import { make } from './shared/elements.js'

const KEYWORDS = 'and as async await def else for from if import in is None not return while with'
const TOKENS = new RegExp(`(?<string>"""[^]*?"""|b?"[^"\\n]*")|(?<comment>#.*)|(?<keyword>\\b(?:${KEYWORDS.replaceAll(' ', '|')})\\b)`, 'g')

/** A place for code. */
export class CodePanel {
  #place
  #lines = []

  /** @param {HTMLElement} place */
  constructor (place) {
    this.#place = place
  }

  /** @param {string} source Python */
  show (source) {
    const lines = [[]]
    for (const [kind, text] of tokens(source.trimEnd())) {
      for (const [index, part] of text.split('\n').entries()) {
        if (index > 0) lines.push([])
        lines.at(-1).push(kind === null ? part : make('span', { class: kind }, part))
      }
    }
    this.#lines = lines.map((parts) => make('span', { class: 'line' }, ...parts, '\n'))
    this.#place.replaceChildren(...this.#lines)
  }

  /** @param {string[]} fragments of the lines that run now */
  mark (fragments) {
    for (const line of this.#lines) {
      line.dataset.state = fragments.some((fragment) => line.textContent.includes(fragment)) ? 'running' : 'idle'
    }
  }
}

/** @param {string} source @returns {Iterable<[string | null, string]>} all of it in parts, each with its kind */
function * tokens (source) {
  let end = 0
  for (const match of source.matchAll(TOKENS)) {
    yield [null, source.slice(end, match.index)]
    yield [Object.keys(match.groups).find((kind) => match.groups[kind] !== undefined), match[0]]
    end = match.index + match[0].length
  }
  yield [null, source.slice(end)]
}
