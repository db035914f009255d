import { describe, expect, it } from 'vitest'
import { added } from '../../bench/macro/addition.mjs'
import type { MacroResult, ResultRecord } from '../../bench/report/report.mjs'
import { line, macro, runs } from './report-fixtures.ts'

const verdict = { least: 1, value: 2, best: 'lmdb', holds: true }
const whole = macro({
  fillseq: line({ varve: runs([2]), lmdb: runs([1]), 'varve-sync': runs([3]) }, [verdict]),
  readseq: line({ varve: runs([2]), lmdb: runs([1]) }, [verdict]),
})

function part(
  lines: MacroResult['lines'],
  settings: Record<string, string> = { VARVE_BENCH_LINES: 'fillseq' },
): ResultRecord {
  const record = macro(lines)
  return { ...record, settings: { ...record.settings, ...settings } }
}

const linesOf = (record: ResultRecord): MacroResult['lines'] => (record.result as MacroResult).lines

describe('a run of the macro suite', () => {
  it('of everything takes the place of what was left before', () => {
    const now = macro({ fillseq: line({ varve: runs([5]) }) })
    expect(added(whole, now)).toBe(now)
    expect(added(undefined, now)).toBe(now)
  })

  it('of other engines joins it, and no ratio changes', () => {
    const now = added(whole, part({ fillseq: line({ 'varve-alone': runs([4]) }) }))
    expect(Object.keys(linesOf(now)['fillseq']?.runs ?? {})).toEqual([
      'varve',
      'lmdb',
      'varve-sync',
      'varve-alone',
    ])
    expect(linesOf(now)['fillseq']?.verdicts).toEqual([verdict])
    expect(Object.keys((now.result as MacroResult).engines)).toContain('varve-alone')
    expect(linesOf(now)['readseq']).toEqual(linesOf(whole)['readseq'])
    expect(now.additions).toHaveLength(1)
  })

  it('of one that is compared takes the place of all that are', () => {
    const now = added(whole, part({ fillseq: line({ varve: runs([9]) }) }))
    expect(linesOf(now)['fillseq']).toEqual(line({ 'varve-sync': runs([3]), varve: runs([9]) }))
  })

  it('with other data, or on another machine, takes its place', () => {
    const other = part(
      { fillseq: line({ varve: runs([5]) }) },
      { VARVE_BENCH_LINES: 'fillseq', VARVE_BENCH_ENTRIES: '7' },
    )
    expect(added(whole, other)).toBe(other)
    const elsewhere = part({ fillseq: line({ varve: runs([5]) }) })
    const moved = { ...elsewhere, machine: { ...elsewhere.machine, cpu: 'another' } }
    expect(added(whole, moved)).toBe(moved)
  })
})
