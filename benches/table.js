// What a comparison prints: a Markdown table, median (least to most), and how many times ours for the first figure of each load.
'use strict'

const digits = number => {
  if (number === 0) return '0'
  const size = Math.abs(number)
  const places = size >= 100 ? 0 : size >= 10 ? 1 : 2
  const text = number.toFixed(places)
  return places === 0 ? text.replace(/\B(?=(\d{3})+$)/g, ' ') : text
}

function cell (reports, read) {
  if (reports.length === 0) return { text: 'failed' }
  const sorted = reports.map(read).filter(value => value !== null && value !== undefined).sort((a, b) => a - b)
  if (sorted.length === 0) return { text: 'none' }
  const median = sorted[sorted.length >> 1]
  const [least, most] = [sorted[0], sorted[sorted.length - 1]].map(digits)
  const spread = least === most ? '' : ` (${least} to ${most})`
  return { median, text: digits(median) + spread }
}

/**
 * Prints a row for each figure of each load: `loads` maps a name to `{ figures: [[name, unit, report => number], …] }`,
 * `results` is a list of `{ load, server, report }`. `ours` is the column that the others are compared with.
 */
function print (loads, names, results, ours) {
  const line = cells => process.stdout.write(`| ${cells.join(' | ')} |\n`)
  line(['load', 'figure', ...names])
  line(['---', '---', ...names.map(() => '---:')])
  for (const [load, { figures }] of Object.entries(loads)) {
    if (!results.some(result => result.load === load)) continue
    figures.forEach(([figure, unit, read], index) => {
      const told = name => cell(results.filter(r => r.load === load && r.server === name && r.report).map(r => r.report), read)
      const base = told(ours).median
      const cells = names.map(name => {
        if (!results.some(r => r.load === load && r.server === name)) return ''
        const { median, text } = told(name)
        const times = index === 0 && name !== ours && base > 0 && median !== undefined
        return times ? `${text}, ×${(median / base).toFixed(2 - (median / base >= 10))}` : text
      })
      line([index === 0 ? load : '', `${figure}, ${unit}`, ...cells])
    })
  }
}

module.exports = { print }
