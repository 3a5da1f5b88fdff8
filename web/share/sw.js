// Answers requests for <scope>webtorrent/… with bytes from a page that has the
// torrent. The page's half of the conversation is webtorrent.js's `createServer`:
// it gets {url, method, headers, scope, destination, type} and a port, answers
// {status, headers, body}, and then gives one chunk for each `true`, until `false`.

/** A browser that never says when a reader went away: its streams end after this silence. */
const SILENCE_MS = 5_000
/** How long pages may take to say that they have a file which a new tab asks for. */
const PATIENCE_MS = 10_000

const base = `${self.registration.scope}webtorrent/`
let readersSayGoodbye = false

self.addEventListener('install', () => self.skipWaiting())
self.addEventListener('activate', event => event.waitUntil(self.clients.claim()))
// A page that was reloaded past its cache is nobody's until it is claimed again.
self.addEventListener('message', event => event.waitUntil(self.clients.claim()))
self.addEventListener('fetch', event => {
  const { url } = event.request
  if (!url.startsWith(base)) return
  if (url.startsWith(`${base}keepalive/`)) return event.respondWith(new Response())
  if (url.startsWith(`${base}cancel/`)) {
    return event.respondWith(new Response(new ReadableStream({ cancel: () => { readersSayGoodbye = true } })))
  }
  event.respondWith(serve(event))
})

function ask(page, { url, method, headers, destination }) {
  return new Promise(resolve => {
    const { port1: port, port2 } = new MessageChannel()
    port.onmessage = ({ data }) => resolve({ answer: data, port })
    const request = { url, method, destination, headers: Object.fromEntries(headers), scope: self.registration.scope, type: 'webtorrent' }
    page.postMessage(request, [port2])
  })
}

/** The page that asks answers for itself; a new tab is answered by whichever page has the file. */
async function findAnswer({ clientId, request }) {
  const asker = clientId && await self.clients.get(clientId)
  if (asker) return ask(asker, request)
  const pages = await self.clients.matchAll({ type: 'window', includeUncontrolled: true })
  return new Promise(resolve => {
    let isFound = false
    setTimeout(resolve, PATIENCE_MS)
    for (const page of pages) {
      ask(page, request).then(reply => {
        if (isFound || reply.answer.status >= 400) return reply.port.postMessage(false)
        isFound = true
        resolve(reply)
      })
    }
  })
}

async function serve(event) {
  const found = await findAnswer(event)
  if (!found) return new Response('No open page has this file.', { status: 503 })
  const { answer, port } = found
  const end = () => {
    port.postMessage(false)
    port.onmessage = null
  }
  if (answer.body !== 'STREAM') {
    end()
    return new Response(answer.body || null, answer)
  }
  return new Response(streamFrom(port, end, event.request.destination), answer)
}

function streamFrom(port, end, destination) {
  // A download may pause for as long as the user likes.
  const endsInSilence = !readersSayGoodbye && destination !== 'document'
  let silence
  return new ReadableStream({
    pull(controller) {
      clearTimeout(silence)
      return new Promise(resolve => {
        port.onmessage = ({ data: chunk }) => {
          if (chunk) controller.enqueue(chunk)
          else {
            end()
            clearTimeout(silence)
            controller.close()
          }
          resolve()
        }
        if (endsInSilence) silence = setTimeout(() => { end(); resolve() }, SILENCE_MS)
        port.postMessage(true)
      })
    },
    cancel() {
      clearTimeout(silence)
      end()
    },
  })
}
