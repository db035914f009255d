import Table from 'cli-table3'

/** What the demo prints, and the claims it has checked. */
export class Report {
  #claims = []

  heading(text) {
    console.log(`\n${text}\n${'─'.repeat(text.length)}`)
  }

  /** Columns whose cells are numbers are aligned to the right. */
  table(head, rows) {
    const colAligns = head.map((_name, at) => (typeof rows[0]?.[at] === 'number' ? 'right' : 'left'))
    const table = new Table({ head, colAligns, style: { head: [], border: [], compact: true } })
    for (const row of rows) table.push(row.map((cell) => (typeof cell === 'number' ? whole(cell) : cell)))
    console.log(table.toString())
  }

  claim(text, holds) {
    this.#claims.push({ text, holds })
    console.log(`${holds ? '✓' : '✗'} ${text}`)
  }

  /** @returns whether every claim held */
  conclude(seconds) {
    const failed = this.#claims.filter(({ holds }) => !holds)
    const held = this.#claims.length - failed.length
    this.heading('Result')
    console.log(`${held} of ${this.#claims.length} claims hold, after ${seconds} s.`)
    for (const { text } of failed) console.log(`✗ ${text}`)
    return failed.length === 0
  }
}

export function whole(count) {
  return Math.round(count).toLocaleString('en-US')
}

/** Runs an action; @returns what it returned and how long it took. */
export async function timed(action) {
  const start = performance.now()
  const result = await action()
  return { result, seconds: (performance.now() - start) / 1000 }
}
