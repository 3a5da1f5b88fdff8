// The share page: reads share.json, starts the download, draws four times a second.

import { start, trackerUrl } from './download.js'
import { missing } from './environment.js'
import { FileList } from './files.js'
import { drawPieces, verified } from './pieces.js'
import { isPlayable, kindOf, show } from './player.js'
import { isTrackerConnected, isTrackerLost, keepLooking } from './swarm.js'
import { bytes, count, duration, rate } from './words.js'

const DRAW_MS = 250
/** Without a peer for this long, the page says what may be wrong. */
const LONELY_MS = 8_000
/** A complete file up to this size is saved from memory, which works in every browser. */
const BLOB_LIMIT_BYTES = 256 * 1024 * 1024

const $ = id => document.getElementById(id)

function setState(state, text) {
  $('state').dataset.state = state
  if ($('state-text').textContent !== text) $('state-text').textContent = text
}

function fail({ title, text, steps = [] }) {
  setState('failed', 'Stopped')
  const heading = Object.assign(document.createElement('h2'), { textContent: title })
  const body = Object.assign(document.createElement('p'), { textContent: text })
  const list = document.createElement('ul')
  list.append(...steps.map(step => Object.assign(document.createElement('li'), { textContent: step })))
  $('notice').replaceChildren(heading, body, ...(steps.length ? [list] : []))
  $('notice').hidden = false
}

function copies(button, text) {
  const label = button.querySelector('span')
  const word = label.textContent
  label.setAttribute('aria-live', 'polite')
  button.addEventListener('click', async () => {
    try {
      await navigator.clipboard.writeText(text)
      label.textContent = 'Copied'
    } catch {
      // Clipboards need a secure page; a prompt lets the user copy by hand.
      prompt(word, text)
    }
    setTimeout(() => { label.textContent = word }, 1_500)
  })
}

function describe(share) {
  document.title = `${share.name} · Shoal`
  $('name').textContent = share.name
  $('summary').textContent = [bytes(share.length), count(share.files.length, 'file')].join(' · ')
  $('info-hash').textContent = share.info_hash
  $('tracker').textContent = share.trackers.map(trackerUrl).join(' ')
  $('torrent').href = share.torrent
  $('torrent').download = `${share.name}.torrent`
  copies($('copy-magnet'), share.magnet)
  copies($('copy-page'), location.href)
  $('links').hidden = false
  $('files-card').hidden = false
}

/** What to open first: the largest video or audio, else a picture that is alone. */
function feature(entries) {
  const indexes = entries.map((_, index) => index)
  const playable = indexes.filter(index => isPlayable(kindOf(entries[index])))
  if (playable.length) return playable.reduce((best, index) => entries[index].length > entries[best].length ? index : best)
  return entries.length === 1 && kindOf(entries[0]) === 'image' ? 0 : null
}

async function save(entry, file) {
  const isHere = file.done && entry.length <= BLOB_LIMIT_BYTES
  const link = document.createElement('a')
  // As a document the service worker's answer is an attachment: the page stays, the file streams to disk.
  link.href = isHere ? URL.createObjectURL(await file.blob()) : file.streamURL
  if (isHere) {
    link.download = entry.path.split('/').pop()
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000)
  }
  link.click()
}

/** Nothing arrives, and nobody who could help can be asked: peers that are shown may be dead. */
const isCutOff = torrent => !torrent.done && torrent.downloadSpeed === 0 && isTrackerLost(torrent)

/** What may be wrong when nothing arrives, and what happens next. */
function hint(torrent, share, view) {
  if (torrent.done || torrent.downloadSpeed > 0) return ''
  if (isCutOff(torrent)) return 'The tracker cannot be reached. Is shoal still running? Trying again by itself.'
  if (torrent.numPeers > 0 || Date.now() - view.seenPeer <= LONELY_MS) return ''
  if (view.hadPeer) return `Nobody who has the rest is connected. The seeder may be gone, or serving others: ${share.slots} at a time. Looking for it by itself.`
  return `No peer has answered yet. The seeder serves ${share.slots} at a time: this page waits for its turn. If it takes long, a firewall may block UDP between you and the seeder.`
}

function draw(torrent, share, list, view) {
  if (torrent.numPeers > 0) Object.assign(view, { seenPeer: Date.now(), hadPeer: true })
  const [state, text] = torrent.done ? ['done', 'Complete, passing on']
    : isCutOff(torrent) ? ['waiting', 'Connecting']
    : torrent.numPeers > 0 ? ['downloading', 'Downloading']
    : isTrackerConnected(torrent) ? ['waiting', 'Looking for peers']
    : ['waiting', 'Connecting']
  setState(state, text)
  const percent = torrent.done ? 100 : Math.min(99, Math.floor(torrent.progress * 100))
  $('percent').textContent = percent
  $('progress').value = torrent.done ? 1 : torrent.progress
  $('amount').textContent = `${bytes(torrent.downloaded)} of ${bytes(share.length)}`
  $('down').textContent = rate(torrent.done ? 0 : torrent.downloadSpeed)
  $('up').textContent = rate(torrent.uploadSpeed)
  $('peers').textContent = torrent.numPeers
  $('left').textContent = torrent.done ? 'done' : duration(torrent.timeRemaining)
  document.title = torrent.done ? `${share.name} · Shoal` : `${percent}% · ${share.name} · Shoal`
  if (torrent.bitfield) {
    drawPieces($('pieces'), torrent)
    $('pieces-text').textContent = `${verified(torrent)} of ${count(torrent.pieces.length, 'piece')} verified`
  }
  list.update(torrent.files, view.streams)
  const words = hint(torrent, share, view)
  if ($('hint').textContent !== words) $('hint').textContent = words
}

async function main() {
  const response = await fetch('share.json')
  if (!response.ok) throw new Error(`share.json could not be loaded (HTTP ${response.status})`)
  const share = await response.json()
  describe(share)

  let running
  const open = (index, play = true) => {
    if (!running) return
    show($('player'), share.files[index], running.torrent.files[index], { play })
    list.markOpen(index)
    if (play) $('player').scrollIntoView({ block: 'nearest' })
  }
  const list = new FileList($('files'), $('more'), share.files, {
    open,
    save: index => save(share.files[index], running.torrent.files[index]).catch(error => {
      fail({ title: 'The file could not be saved', text: error.message })
    }),
  })

  const problem = missing()
  if (problem) return fail(problem)

  const { torrent, client, streams } = await start(share)
  const view = { streams: false, seenPeer: Date.now(), hadPeer: false }
  const stop = error => {
    clearInterval(timer)
    fail({ title: 'The download stopped', text: error.message, steps: ['Reload this page to try again.'] })
  }
  client.on('error', stop)
  torrent.on('error', stop)
  torrent.on('warning', warning => console.debug('webtorrent:', warning.message))
  $('transfer').hidden = false
  const redraw = () => draw(torrent, share, list, view)
  const timer = setInterval(redraw, DRAW_MS)
  torrent.on('done', redraw)
  keepLooking(torrent)

  const ready = torrent.ready ? Promise.resolve() : new Promise(resolve => torrent.once('ready', resolve))
  const [canStream] = await Promise.all([streams, ready])
  running = { torrent }
  view.streams = canStream
  redraw()
  const first = canStream ? feature(share.files) : null
  if (first !== null) open(first, false)
}

main().catch(error => fail({ title: 'This share could not be opened', text: error.message, steps: ['Reload this page. If it stays, ask whoever shares it whether shoal still runs.'] }))
