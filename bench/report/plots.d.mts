import type { Plot } from './document.mjs'

interface Chart {
  height: number
  option: {
    xAxis: { min: number; max: number; interval: number }
    series: readonly { name: string; data: readonly { value: readonly [number, number] }[] }[]
  }
}

export declare function ratioPlot(
  rows: readonly {
    name: string
    ratio: number
    said: string
    saidShort: string
    target?: number
    isMissed: boolean
  }[],
): Plot
export declare function chartOf(plot: Plot, width: number): Chart
