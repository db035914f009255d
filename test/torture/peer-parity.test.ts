/** In small, on varve and on the peer that is installed for the tests anyway. More of it: npm install --prefix bench, then npm run torture -- peer-parity --seconds 600. */
import { describe, expect, it } from 'vitest'
import { peerParity } from './peer-parity.ts'
import type { EngineFigures, Outcome } from './peers/figures.ts'

const seed = Number(process.env['VARVE_SEED'] ?? 1)

function count({ kinds }: EngineFigures, figure: Outcome | 'runs', kind?: string): number {
  const rows = kinds.filter((row) => kind === undefined || row.kind === kind)
  return rows.reduce((sum, row) => sum + row[figure], 0)
}

async function figuresOf(engine: string, flips: number, hangMs?: number): Promise<EngineFigures> {
  const { engines } = await peerParity({
    seed,
    seconds: 60,
    flips,
    engines: [engine],
    ...(hangMs !== undefined && { hangMs }),
  })
  const [figures] = engines
  if (figures === undefined) throw new Error(`no figures of ${engine}`)
  return figures
}

it('varve reports every damage, where classic-level does not', async () => {
  const engines = ['varve', 'classic-level']
  const summary = await peerParity({ seed, seconds: 20, flips: 80, engines })
  const [ours, theirs] = summary.engines
  if (ours === undefined || theirs === undefined) throw new Error('no figures')
  for (const kind of ['table', 'log', 'manifest', 'superblock'])
    expect(count(ours, 'runs', kind)).toBeGreaterThan(3)
  expect(count(ours, 'silent') + count(ours, 'died') + count(ours, 'hung')).toBe(0)
  expect(count(ours, 'reportedButWrong')).toBe(0)
  if (theirs.missing !== undefined) return
  expect(count(theirs, 'runs')).toBe(count(ours, 'runs'))
  // LevelDB ends its log where it is damaged, and says so to nobody.
  expect(count(theirs, 'silent', 'log')).toBeGreaterThan(3)
  expect(count(theirs, 'reported', 'CURRENT')).toBeGreaterThan(3)
})

it('says why there are no figures of an engine that is not there', async () => {
  const figures = await figuresOf('no-such-engine', 4)
  expect(figures.missing).toContain('npm install --prefix bench')
  expect(figures.kinds).toEqual([])
})

describe('an engine that', () => {
  // Its file ends with a hash: nothing that it serves is wrong when that is damaged.
  it('serves wrong bytes is counted as silently wrong', async () => {
    const figures = await figuresOf('careless:serves', 40)
    expect(count(figures, 'silent') + count(figures, 'noEffect')).toBe(50)
    expect(count(figures, 'silent')).toBeGreaterThan(45)
  })

  it('throws is counted as having reported', async () => {
    const figures = await figuresOf('careless:throws', 40)
    expect(count(figures, 'reported')).toBe(50)
  })

  it('dies is counted, and the next damage is done in a new process', async () => {
    const figures = await figuresOf('careless:dies', 4)
    expect(count(figures, 'died')).toBe(5)
  })

  it('hangs is ended and counted', async () => {
    const figures = await figuresOf('careless:hangs', 1, 1000)
    expect(count(figures, 'hung')).toBe(2)
  })
})
