/** A figure of a line: '–' for an engine that lacks what is measured. */
export function formatFigure(figure, unit) {
  if (figure === undefined) return '–'
  if (unit === 'bytes') return `${(figure / 1e6).toFixed(1)} MB`
  if (unit === 'ms') return `${figure.toFixed(2)} ms`
  if (figure >= 1e6) return `${(figure / 1e6).toFixed(2)}M`
  return figure >= 1e3 ? `${(figure / 1e3).toFixed(figure < 1e4 ? 1 : 0)}k` : figure.toFixed(0)
}
