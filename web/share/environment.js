// What a browser must offer before anything can be fetched, and what to say when it does not.

const PEER_HINT = 'Use a current Firefox, Chrome, Edge or Safari, and allow WebRTC in its settings and extensions.'

/** Returns `null` when peer-to-peer downloads can work, else a notice: title, text, steps. */
export function missing(scope = globalThis) {
  if (!scope.isSecureContext) {
    return {
      title: 'This page needs a secure address',
      text: `Browsers check and stream downloads only on https:// pages and on localhost. This page was opened as ${scope.location.origin}, so service workers and WebCrypto are switched off.`,
      steps: [
        `On the machine that shares: open http://localhost:${scope.location.port || 80}/ instead.`,
        'For other machines, let shoal speak https: shoal share … --tls-cert cert.pem --tls-key key.pem',
        'Or put an https proxy in front of it and name its address: shoal share … --public-url https://…',
        'The magnet link and the .torrent file below work in other WebTorrent clients as they are.',
      ],
    }
  }
  if (!scope.crypto?.subtle) {
    return { title: 'This browser cannot check downloads', text: 'WebCrypto (crypto.subtle) is missing.', steps: [PEER_HINT] }
  }
  if (typeof scope.RTCPeerConnection !== 'function') {
    return { title: 'This browser cannot connect to peers', text: 'WebRTC (RTCPeerConnection) is missing or switched off.', steps: [PEER_HINT] }
  }
  return null
}

/** Streaming and saving of large files go through the service worker; private windows may lack it. */
export const canStream = (scope = globalThis) => Boolean(scope.navigator.serviceWorker)
