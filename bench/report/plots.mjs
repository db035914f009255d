import { BACK, BAD, ENGINES, GOOD, LINE, SHORT, TEXT } from './colours.mjs'

const ROW_PIXELS = 24
const HEAD_PIXELS = 40
const FOOT_PIXELS = 30
/** Below that width names are broken, and bars say less. */
const NARROW = 500

/**
 * Ratios as bars that start at 1, on a logarithmic axis. `rows`: { name, ratio, said, saidShort, target, isMissed }, where `ratio` is above 1 if varve is ahead, `said` stands at the end
 * of the row (`saidShort` where it is narrow), and `target` is what it is held to.
 */
export const ratioPlot = (rows) => ({ form: 'ratios', rows })

/** What each engine reaches, as a multiple of what varve does. `rows`: { name, ratios by engine }. */
export const enginePlot = (engines, rows) => ({ form: 'engines', engines, rows })

/** What the chart library draws, and how high. */
export function chartOf(plot, width) {
  const isNarrow = width < NARROW
  const series = plot.form === 'ratios' ? barSeries(plot.rows) : pointSeries(plot)
  const legendRows = Math.ceil(series.length / (isNarrow ? 3 : 7))
  const top = HEAD_PIXELS + (legendRows - 1) * ROW_PIXELS
  return {
    height: top + FOOT_PIXELS + plot.rows.length * ROW_PIXELS * (isNarrow ? 1.25 : 1),
    option: {
      animation: false,
      backgroundColor: BACK,
      textStyle: { color: TEXT, fontFamily: 'sans-serif', fontSize: 12 },
      legend: {
        top: 4,
        left: 4,
        itemGap: isNarrow ? 12 : 24,
        itemWidth: 14,
        textStyle: { color: TEXT },
        inactiveColor: TEXT,
      },
      grid: { top, bottom: FOOT_PIXELS, left: isNarrow ? 130 : 205, right: rightOf(plot, isNarrow) },
      xAxis: ratioAxis(series, isNarrow),
      yAxis: [
        rowAxis(
          plot.rows.map(({ name }) => name),
          isNarrow ? { width: 112, overflow: 'break', fontSize: 11 } : {},
        ),
        ...(plot.form === 'ratios' ? [{ ...saidAxis(plot.rows, isNarrow), position: 'right' }] : []),
      ],
      series,
    },
  }
}

function rightOf({ form }, isNarrow) {
  if (form === 'engines') return 20
  return isNarrow ? 56 : 150
}

function saidAxis(rows, isNarrow) {
  return rowAxis(rows.map(({ said, saidShort }) => (isNarrow ? saidShort : said)))
}

function rowAxis(data, label = {}) {
  return {
    type: 'category',
    inverse: true,
    data,
    axisTick: { show: false },
    axisLine: { onZero: false, lineStyle: { color: LINE } },
    axisLabel: { color: TEXT, interval: 0, ...label },
  }
}

/** NOTE: the axis counts doublings and is labelled with what they come to, for bars of a logarithmic axis would start at its end. */
function ratioAxis(series, isNarrow) {
  const all = series.flatMap(({ data }) => data.map(({ value: [doublings] }) => doublings))
  const least = Math.floor(Math.min(-1, ...all))
  const most = Math.ceil(Math.max(1, ...all))
  const interval = Math.ceil((most - least) / (isNarrow ? 5 : 10))
  return {
    type: 'value',
    // NOTE: multiples of the interval, so that 1 has a line.
    min: Math.floor(least / interval) * interval,
    max: Math.ceil(most / interval) * interval,
    interval,
    axisLabel: {
      color: TEXT,
      formatter: (doublings) => `${doublings < 0 ? `1/${2 ** -doublings}` : 2 ** doublings} ×`,
    },
    axisLine: { show: false },
    splitLine: { lineStyle: { color: LINE } },
  }
}

function barSeries(rows) {
  const bars = [
    ['ahead', GOOD, ({ ratio, isMissed }) => ratio >= 1 && !isMissed],
    ['ahead, misses its bar', SHORT, ({ ratio, isMissed }) => ratio >= 1 && isMissed],
    ['behind', BAD, ({ ratio }) => ratio < 1],
  ].map(([name, color, isOf]) => ({
    type: 'bar',
    name,
    color,
    barGap: '-100%',
    barWidth: 12,
    silent: true,
    data: rows.flatMap((row, i) => (isOf(row) ? [{ value: [Math.log2(row.ratio), i] }] : [])),
  }))
  const targets = {
    type: 'scatter',
    name: 'bar',
    color: TEXT,
    symbol: 'rect',
    symbolSize: [2, 18],
    silent: true,
    data: rows.flatMap(({ target }, i) => (target === undefined ? [] : [{ value: [Math.log2(target), i] }])),
  }
  return [...bars, targets].filter(({ data }) => data.length > 0)
}

function pointSeries({ engines, rows }) {
  return engines.map((engine) => {
    const [color, symbol] = ENGINES[engine]
    return {
      type: 'scatter',
      name: engine,
      color,
      symbol,
      symbolSize: 11,
      silent: true,
      itemStyle: { opacity: 1 },
      data: rows.flatMap(({ ratios }, i) =>
        ratios[engine] === undefined ? [] : [{ value: [Math.log2(ratios[engine]), i] }],
      ),
    }
  })
}
