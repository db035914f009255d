import { describe, expect, it } from 'vitest'
import { verdictsOf } from '../../bench/browser/verdicts.mjs'

const OPEN = 'first answer of a new page, ms'

describe('what varve is held to in a browser', () => {
  it('is the best of the others on each line, and five times that for batches and scans in a worker', () => {
    const runs = {
      page: {
        varve: [{ 'full scan': 200 }, { 'full scan': 220 }, { 'full scan': 190 }],
        IndexedDB: [{ 'full scan': 100 }, { 'full scan': 90 }, { 'full scan': 300 }],
        SQLite: [{ 'full scan': 50 }, { 'full scan': 60 }, { 'full scan': 70 }],
      },
      worker: { varve: [{ 'full scan': 400 }], SQLite: [{ 'full scan': 100 }] },
    }
    const { page, worker } = verdictsOf(runs)
    expect(page?.[0]).toMatchObject({ best: 'IndexedDB', ratio: 2, least: 1, holds: true })
    expect(worker?.[0]).toMatchObject({ best: 'SQLite', ratio: 4, least: 5, holds: false })
  })

  it('compares the first answer of a page with that of SQLite, where less is better', () => {
    const runs = {
      page: { varve: [{ [OPEN]: 50 }], IndexedDB: [{ [OPEN]: 5 }], SQLite: [{ [OPEN]: 100 }] },
    }
    expect(verdictsOf(runs)['page']?.[0]).toMatchObject({ best: 'SQLite', ratio: 2, holds: true })
  })

  it('leaves out who has no such call', () => {
    const runs = { worker: { varve: [{ now: 10 }], IndexedDB: [{}], SQLite: [{ now: 20 }] } }
    const [line] = verdictsOf(runs)['worker'] ?? []
    expect(line).toMatchObject({ best: 'SQLite', ratio: 0.5, holds: false })
    expect(Object.keys(line?.medians ?? {})).toEqual(['varve', 'SQLite'])
  })
})
