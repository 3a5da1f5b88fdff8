// Pieces in memory, by the abstract-chunk-store contract: the first frame shows
// sooner than from disk, and nothing stays behind when the page is closed.

export class MemoryStore {
  #pieces = new Map()

  constructor(chunkLength) {
    this.chunkLength = chunkLength
  }

  put(index, piece, done = () => {}) {
    this.#pieces.set(index, piece)
    queueMicrotask(() => done(null))
  }

  get(index, range, done = () => {}) {
    if (typeof range === 'function') return this.get(index, null, range)
    const piece = this.#pieces.get(index)
    if (!piece) return queueMicrotask(() => done(new Error(`piece ${index} is not here`)))
    const start = range?.offset ?? 0
    const end = start + (range?.length ?? piece.length - start)
    // A part is copied: sent elsewhere as a view, it would take its whole buffer along.
    const part = start === 0 && end === piece.length ? piece : piece.slice(start, end)
    queueMicrotask(() => done(null, part))
  }

  close(done = () => {}) {
    this.#pieces.clear()
    queueMicrotask(() => done(null))
  }

  destroy(done) {
    this.close(done)
  }
}
