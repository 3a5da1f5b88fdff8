// The list of files: what each is, how much of it is here, and what can be done with it.

import { kindOf } from './player.js'
import { bytes } from './words.js'

/** Rows shown before "show all". */
const FIRST_ROWS = 100
const WORDS = { video: 'Video', audio: 'Audio', image: 'Image', text: 'Text', other: 'File' }
const SVG = 'http://www.w3.org/2000/svg'

function icon(name) {
  const svg = document.createElementNS(SVG, 'svg')
  svg.setAttribute('class', 'icon')
  svg.setAttribute('aria-hidden', 'true')
  svg.append(document.createElementNS(SVG, 'use'))
  svg.firstChild.setAttribute('href', `#icon-${name}`)
  return svg
}

// Names come from a stranger's torrent: text nodes and properties only, never markup.
function element(tag, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties)
  node.append(...children)
  return node
}

function button(symbol, word, about, primary, act) {
  const node = element('button', { type: 'button', className: primary ? 'button primary' : 'button', disabled: true }, icon(symbol), element('span', { textContent: word }))
  node.setAttribute('aria-label', `${word} ${about}`)
  node.addEventListener('click', act)
  return node
}

function row(entry, index, { open, save }) {
  const kind = kindOf(entry)
  const verb = kind === 'video' || kind === 'audio' ? ['play', 'Play'] : ['open', 'Open']
  const progress = element('progress', { max: 1, value: 0 })
  progress.setAttribute('aria-label', `${entry.path} downloaded`)
  const done = element('span', { className: 'done' })
  const opener = kind === 'other' ? null : button(...verb, entry.path, true, () => open(index))
  const saver = button('save', 'Save', entry.path, false, () => save(index))
  const item = element('li', {},
    icon(kind),
    element('div', { className: 'what' },
      element('p', { className: 'path', textContent: entry.path }),
      element('p', { className: 'meta muted' },
        element('span', { textContent: WORDS[kind] }), element('span', { textContent: bytes(entry.length) }), done),
      progress),
    element('div', { className: 'actions' }, ...[opener, saver].filter(Boolean)))
  return { item, progress, done, opener, saver }
}

export class FileList {
  #rows

  /** `list` and `more` are elements; `entries` those of share.json; `acts` has open(index) and save(index). */
  constructor(list, more, entries, acts) {
    this.#rows = entries.slice(0, FIRST_ROWS).map((entry, index) => row(entry, index, acts))
    list.replaceChildren(...this.#rows.map(({ item }) => item))
    more.hidden = entries.length <= FIRST_ROWS
    more.textContent = `Show all ${entries.length} files`
    more.addEventListener('click', () => {
      more.hidden = true
      const rest = entries.slice(FIRST_ROWS).map((entry, index) => row(entry, FIRST_ROWS + index, acts))
      list.append(...rest.map(({ item }) => item))
      this.#rows.push(...rest)
    })
  }

  /** Redraws from webtorrent.js's `files`; `streams` tells whether they can be opened at once. */
  update(files, streams) {
    for (const [index, { item, progress, done, opener, saver }] of this.#rows.entries()) {
      const file = files[index]
      if (!file) continue
      const isDone = file.done || file.progress === 1
      item.dataset.done = isDone
      progress.value = isDone ? 1 : file.progress
      done.textContent = isDone ? 'Complete' : ''
      if (opener) opener.disabled = !streams
      saver.disabled = !(streams || isDone)
    }
  }

  markOpen(open) {
    for (const [index, { item, opener }] of this.#rows.entries()) {
      item.dataset.open = index === open
      opener?.setAttribute('aria-pressed', index === open)
    }
  }
}
