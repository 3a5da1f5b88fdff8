// Numbers and durations as people read them.

const UNITS = ['B', 'KB', 'MB', 'GB', 'TB']

export function bytes(count) {
  let value = Math.max(0, Number.isFinite(count) ? count : 0)
  let unit = 0
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000
    unit += 1
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : 1
  return `${value.toFixed(digits)} ${UNITS[unit]}`
}

export const rate = bytesPerSecond => `${bytes(bytesPerSecond)}/s`

export function duration(milliseconds) {
  if (!Number.isFinite(milliseconds)) return '–'
  const seconds = Math.ceil(milliseconds / 1000)
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

export const count = (number, one, many = `${one}s`) =>
  `${number.toLocaleString('en')} ${number === 1 ? one : many}`
