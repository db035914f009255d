/** What the killed process writes, as a function of the commit's number: both processes know it without telling each other. */
import { mulberry32, pick } from '../support/random.ts'

export interface PlannedWrite {
  readonly keyspace: '' | 'other'
  readonly key: string
  /** undefined: a deletion. */
  readonly value: string | undefined
}

export interface PlannedStep {
  readonly do: 'put' | 'puts' | 'batch' | 'buffered' | 'flush'
  readonly sync: boolean
  /** Commits this step makes: one per put, one per batch. */
  readonly commits: number
}

/** The step that begins behind commit number `commit`. */
export function stepAfter(seed: number, commit: number, count: number): PlannedStep {
  const random = mulberry32(seed ^ (commit * 31 + count))
  const choice = random()
  const sync = random() < 0.5
  if (choice < 0.3) return { do: 'put', sync, commits: 1 }
  if (choice < 0.5) return { do: 'puts', sync: false, commits: 1 + pick(random, 20) }
  if (choice < 0.9) return { do: 'batch', sync, commits: 1 }
  if (choice < 0.98) return { do: 'buffered', sync, commits: 1 }
  return { do: 'flush', sync, commits: 0 }
}

/** The writes of a commit: one of a put, several in both keyspaces of a batch. */
export function writesOf(seed: number, commit: number, kind: PlannedStep['do']): PlannedWrite[] {
  const random = mulberry32(seed * 7 + commit)
  const key = (): string => `k${pick(random, 40)}`
  const value = (): string => `${commit}:`.padEnd(pick(random, 10) === 0 ? 5000 : pick(random, 200), 'v')
  if (kind !== 'batch') return [{ keyspace: '', key: key(), value: value() }]
  const writes: PlannedWrite[] = []
  for (let i = 1 + pick(random, 4); i > 0; i--) {
    const [k, v] = [key(), random() < 0.15 ? undefined : value()]
    writes.push({ keyspace: '', key: k, value: v }, { keyspace: 'other', key: k, value: v })
  }
  return writes
}
