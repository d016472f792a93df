/** What the page shows, and what a person does on it. Texts become text, never HTML: others wrote them. */
import { Member } from './member.js'

const byId = (id) => document.getElementById(id)
/** Members by name: whether this page was connected to them, or has only heard of them from others. */
const known = new Map()

function make (name, className, ...children) {
  const element = document.createElement(name)
  element.className = className
  element.append(...children)
  return element
}

/** A name in a colour of its own. */
function named (name) {
  const element = make('span', 'name', name)
  element.style.setProperty('--hue', Math.round((parseInt(name, 16) / 0xffffff) * 360))
  return element
}

function showProblem (text) {
  byId('problem').textContent = text
  byId('problem').hidden = text === ''
}

function showMembers (member) {
  const here = new Set(member.neighbours)
  for (const name of here) known.set(name, 'gone')
  const others = [...known].map(([name, otherwise]) => {
    const state = here.has(name) ? 'connected' : otherwise
    return make('li', state, make('i', 'dot'), named(name), make('span', 'state', state))
  })
  byId('members').replaceChildren(
    make('li', 'connected', make('i', 'dot'), named(member.name), make('span', 'state', 'this page')),
    ...others
  )
  byId('alone').hidden = here.size > 0
}

function showLine (member, { from, text }) {
  if (from !== member.name && !known.has(from)) {
    known.set(from, 'through others')
    showMembers(member)
  }
  const list = byId('lines')
  const time = new Date().toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', hour12: false })
  const head = make('p', 'head', named(from), make('time', '', time))
  list.append(make('li', from === member.name ? 'own' : '', head, make('p', 'text', text)))
  list.lastElementChild.scrollIntoView({ block: 'nearest' })
}

/** Do *action* with what is in *form*, and empty it; what fails is shown, and stays in the form. */
function onSubmit (form, action) {
  const [input, button] = [form.querySelector('input'), form.querySelector('button')]
  button.disabled = false
  form.addEventListener('submit', async (event) => {
    event.preventDefault()
    const text = input.value.trim()
    if (text === '') return
    button.disabled = true
    showProblem('')
    try {
      await action(text)
      input.value = ''
    } catch (error) {
      showProblem(error.message)
    } finally {
      button.disabled = false
    }
  })
}

async function main () {
  const member = await Member.start()
  member.addEventListener('line', ({ detail }) => showLine(member, detail))
  member.addEventListener('neighbours', () => showMembers(member))
  showMembers(member)
  onSubmit(byId('join'), (address) => member.join(address))
  onSubmit(byId('say'), (text) => member.say(text))

  // index.html#ADDRESS joins by itself.
  const given = decodeURIComponent(location.hash.slice(1))
  if (given !== '') {
    byId('join').querySelector('input').value = given
    byId('join').requestSubmit()
  }
}

main().catch((error) => showProblem(error.message))
