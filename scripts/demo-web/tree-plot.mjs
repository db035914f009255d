import { BarController, BarElement, CategoryScale, Chart, LinearScale, Tooltip } from 'chart.js'

Chart.register(BarController, BarElement, CategoryScale, LinearScale, Tooltip)

/** The levels of the tree as bars: megabytes in memory, then in each level, from the newest to the oldest. */
export class TreePlot {
  #chart

  constructor(canvas) {
    const { color } = getComputedStyle(document.body)
    this.#chart = new Chart(canvas, {
      type: 'bar',
      data: { labels: [], datasets: [{ data: [], backgroundColor: '#4a90b8', maxBarThickness: 26 }] },
      options: {
        animation: false,
        indexAxis: 'y',
        maintainAspectRatio: false,
        scales: {
          x: { title: { display: true, text: 'MB', color }, ticks: { color }, beginAtZero: true },
          y: { ticks: { color } },
        },
      },
    })
  }

  show({ memtableBytes, levels }) {
    const rows = [
      ['memory', memtableBytes],
      ...levels.map(({ level, tables, bytes }) => [
        `level ${level} (${tables} ${tables === 1 ? 'table' : 'tables'})`,
        bytes,
      ]),
    ]
    const { data } = this.#chart
    data.labels = rows.map(([name]) => name)
    data.datasets[0].data = rows.map(([, bytes]) => bytes / 1e6)
    this.#chart.update()
    return rows.map(([name, bytes]) => `${name}: ${(bytes / 1e6).toFixed(1)} MB`).join(', ')
  }
}
