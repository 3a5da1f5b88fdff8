// The map of pieces: one cell a piece, or the mean of several when there are many.

const CELL = 9
const GAP = 2
const MOST_ROWS = 6

/** How much of each piece is here: 1 verified, else the part that arrived. */
const shares = torrent => index => {
  if (torrent.bitfield.get(index)) return 1
  const piece = torrent.pieces[index]
  return piece ? Math.min(0.99, (piece.length - piece.missing) / piece.length) : 0
}

export function drawPieces(canvas, torrent) {
  const width = canvas.clientWidth
  const total = torrent.pieces.length
  if (!width || !total) return
  const columns = Math.max(1, Math.floor((width + GAP) / (CELL + GAP)))
  const cells = Math.min(total, columns * MOST_ROWS)
  const rows = Math.ceil(cells / columns)
  const height = rows * (CELL + GAP) - GAP
  const scale = globalThis.devicePixelRatio || 1
  if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
    canvas.width = Math.round(width * scale)
    canvas.height = Math.round(height * scale)
    canvas.style.height = `${height}px`
  }
  const context = canvas.getContext('2d')
  context.setTransform(scale, 0, 0, scale, 0, 0)
  context.clearRect(0, 0, width, height)
  const style = getComputedStyle(canvas)
  const colour = Object.fromEntries(['none', 'part', 'have'].map(name => [name, style.getPropertyValue(`--piece-${name}`)]))
  const share = shares(torrent)
  // The cells of a row fill the whole width, however few they are.
  const step = (width + GAP) / Math.min(cells, columns)
  for (let cell = 0; cell < cells; cell += 1) {
    const first = Math.floor(cell * total / cells)
    const end = Math.max(first + 1, Math.floor((cell + 1) * total / cells))
    let sum = 0
    for (let index = first; index < end; index += 1) sum += share(index)
    const part = sum / (end - first)
    const x = Math.round((cell % columns) * step)
    const room = Math.round((cell % columns + 1) * step) - GAP - x
    const y = Math.floor(cell / columns) * (CELL + GAP)
    context.fillStyle = part === 1 ? colour.have : colour.none
    context.fillRect(x, y, room, CELL)
    if (part > 0 && part < 1) {
      context.fillStyle = colour.part
      context.fillRect(x, y, room * part, CELL)
    }
  }
}

/** How many pieces are verified. */
export function verified(torrent) {
  let have = 0
  for (let index = 0; index < torrent.pieces.length; index += 1) have += torrent.bitfield.get(index) ? 1 : 0
  return have
}
