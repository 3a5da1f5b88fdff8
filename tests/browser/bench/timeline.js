// Runs in a page before anything else: notes in `globalThis.timeline` when each step of a download's start happens first, in milliseconds of
// `performance.now()`. Wraps the browser's own classes, because webtorrent.js tells of few of these steps.

export function timeline() {
  const steps = globalThis.timeline = {}
  const note = step => { steps[step] ??= performance.now() }
  globalThis.note = note

  globalThis.WebSocket = class extends WebSocket {
    constructor(...args) {
      super(...args)
      note('tracker: connecting')
      this.addEventListener('open', () => note('tracker: open'))
      this.addEventListener('message', ({ data }) => {
        const message = typeof data === 'string' ? data : new TextDecoder().decode(data)
        if (message.includes('"answer"')) note('answer received')
        if (message.includes('"offer"')) note("seeder's offer received")
      })
    }

    send(data) {
      super.send(data)
      const message = typeof data === 'string' ? data : new TextDecoder().decode(data)
      if (message.includes('"offers"')) note('offers sent')
      if (message.includes('"answer"')) note("answer to the seeder's offer sent")
    }
  }

  const Connection = globalThis.RTCPeerConnection
  globalThis.RTCPeerConnection = class extends Connection {
    constructor(...args) {
      super(...args)
      note('first peer connection made')
      this.addEventListener('iceconnectionstatechange', () => {
        if (['connected', 'completed'].includes(this.iceConnectionState)) note('ICE connected')
      })
      this.addEventListener('connectionstatechange', () => { if (this.connectionState === 'connected') note('DTLS connected') })
      this.addEventListener('datachannel', ({ channel }) => watch(channel))
    }

    createDataChannel(...args) {
      const channel = super.createDataChannel(...args)
      watch(channel)
      return channel
    }
  }

  const names = { 1: 'unchoke', 2: 'interested', 5: 'bitfield', 6: 'request', 7: 'first block', 14: 'have_all' }
  const name = bytes => {
    if (bytes[0] === 19) return 'handshake'
    const id = bytes[4]
    return id === 20 ? (bytes[5] === 0 ? 'extended handshake' : 'metadata message') : names[id]
  }

  function watch(channel) {
    const open = () => note('channel open')
    if (channel.readyState === 'open') open()
    channel.addEventListener('open', open)
    channel.addEventListener('message', async ({ data }) => {
      const at = performance.now()
      const bytes = new Uint8Array(data instanceof Blob ? await data.arrayBuffer() : data)
      for (let from = 0; from < bytes.length;) {
        const message = bytes.subarray(from)
        const what = name(message)
        if (what) steps[`${what} received`] ??= at
        from += what === 'handshake' ? 68 : 4 + new DataView(bytes.buffer, bytes.byteOffset + from).getUint32(0)
      }
    })
    const send = channel.send.bind(channel)
    channel.send = data => {
      const bytes = data instanceof ArrayBuffer ? new Uint8Array(data) : new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
      const what = name(bytes)
      if (what) note(`${what} sent`)
      send(data)
    }
  }
}
