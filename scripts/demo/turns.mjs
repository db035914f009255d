/** What the writer writes in a turn, computed by the writer and by those who look for it. */

const PUTS_PER_TURN = 98

export const encodings = { keyEncoding: 'utf8', valueEncoding: 'utf8' }

/** Puts, and the two sides of a transfer. */
export const ENTRIES_PER_TURN = PUTS_PER_TURN + 2

/** @returns entries of the default keyspace, and the two sides of one transfer that belong together */
export function describeTurn(turn) {
  const entries = Array.from({ length: PUTS_PER_TURN }, (_, at) => {
    const number = String(turn * PUTS_PER_TURN + at).padStart(9, '0')
    return [`entry ${number}`, `value of ${number} ${'·'.repeat(at % 60)}`]
  })
  const amount = String((turn * 37) % 1000)
  return {
    entries,
    transfer: [
      [`debit ${turn}`, amount],
      [`credit ${turn}`, amount],
    ],
  }
}
