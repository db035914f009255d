import { init } from 'echarts'
import { chartOf } from './plots.mjs'

/** A plot as SVG without a style of its own: its colours are attributes, so that a page can have others in the dark. */
export function drawn(plot, width) {
  const { height, option } = chartOf(plot, width)
  const chart = init(null, null, { renderer: 'svg', ssr: true, width, height })
  try {
    chart.setOption(option)
    return chart
      .renderToSVGString()
      .replace(/<style[^>]*>.*?<\/style>\n?/s, '')
      .replace(/ (?:class|ecmeta_\w+)="[^"]*"/g, '')
  } finally {
    // NOTE: a chart that is left alone keeps the process from ending.
    chart.dispose()
  }
}
