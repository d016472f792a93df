/** Elements of the page. Texts become text, never HTML: much of what is shown comes from a peer. */

/** @param {string} id @returns {HTMLElement} */
export const byId = (id) => document.getElementById(id)

/**
 * @param {string} name of the element @param {Record<string, string>} attributes `class` and others
 * @param {...(string | Node)} children
 * @returns {HTMLElement}
 */
export function make (name, attributes = {}, ...children) {
  const element = document.createElement(name)
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value)
  element.append(...children)
  return element
}

/** @param {string} name of the element @param {Record<string, string | number>} attributes @returns {SVGElement} */
export function makeSvg (name, attributes = {}, ...children) {
  const element = document.createElementNS('http://www.w3.org/2000/svg', name)
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value)
  element.append(...children)
  return element
}

/** Show *text*, if it is not shown already: what is selected stays so. @param {HTMLElement} element @param {string} text */
export function show (element, text) {
  if (element.textContent !== text) element.textContent = text
}
