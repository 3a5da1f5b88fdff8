// Shows one file at a time above the list: video, audio, picture or text.

import { bytes } from './words.js'

/** Longer text is saved, not shown. */
const TEXT_LIMIT_BYTES = 1_000_000

export function kindOf({ type, length }) {
  const family = type.split('/')[0]
  if (family === 'video' || family === 'audio' || family === 'image') return family
  const isText = family === 'text' || type === 'application/json'
  return isText && length <= TEXT_LIMIT_BYTES ? 'text' : 'other'
}

export const isPlayable = kind => kind === 'video' || kind === 'audio'

const makers = {
  video: () => Object.assign(document.createElement('video'), { controls: true, playsInline: true, preload: 'auto' }),
  audio: () => Object.assign(document.createElement('audio'), { controls: true, preload: 'auto' }),
  image: () => document.createElement('img'),
}

async function showText(stage, file) {
  const text = document.createElement('pre')
  text.tabIndex = 0
  text.textContent = 'Loading …'
  stage.replaceChildren(text)
  text.textContent = new TextDecoder().decode(await file.arrayBuffer())
}

/** Shows `entry` (of share.json) from `file` (of webtorrent.js) on `stage`; plays it when `play`. */
export function show(stage, entry, file, { play }) {
  const kind = kindOf(entry)
  const caption = Object.assign(document.createElement('p'), { className: 'caption', textContent: entry.path })
  const complain = text => {
    caption.classList.add('problem')
    caption.textContent = text
  }
  stage.hidden = false
  if (kind === 'text') {
    const failed = error => complain(`${entry.path} could not be read: ${error.message}`)
    return showText(stage, file).catch(failed).then(() => stage.append(caption))
  }
  const element = makers[kind]()
  if (kind === 'image') element.alt = entry.path
  else element.setAttribute('aria-label', entry.path)
  element.addEventListener('error', () => {
    complain(`This browser cannot show ${entry.path} (${entry.type}, ${bytes(entry.length)}). Save it and open it in another program.`)
  })
  stage.replaceChildren(element, caption)
  file.streamTo(element)
  // A browser may refuse sound without a click; its own controls remain.
  if (play && isPlayable(kind)) element.play().catch(() => {})
}
