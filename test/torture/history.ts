/**
 * Histories for the metamorphic program, as plain data: what is written, read and destroyed, without a word on how. Every subsequence of a history is
 * one as well: what is not there (a keyspace, a snapshot) is passed over.
 */
import { pick } from '../support/random.ts'

/** `value`: undefined for a deletion. */
export interface HistoryWrite {
  readonly keyspace: string
  readonly key: string
  readonly value: string | undefined
}

export interface HistoryRange {
  readonly gte?: string
  readonly gt?: string
  readonly lte?: string
  readonly lt?: string
  readonly reverse?: boolean
  readonly limit?: number
}

/** The keys that it covers: which way and how many is another thing. */
export function boundsOf({ reverse: _, limit: __, ...bounds }: HistoryRange): HistoryRange {
  return bounds
}

export type Act =
  | { readonly do: 'write'; readonly write: HistoryWrite }
  /** One after the other, without waiting in between. */
  | { readonly do: 'turn'; readonly writes: readonly HistoryWrite[] }
  /** At once. */
  | { readonly do: 'batch'; readonly writes: readonly HistoryWrite[] }
  /** A key that is written this once, and later removed by a weak deletion. */
  | { readonly do: 'push'; readonly keyspace: string; readonly key: string }
  | { readonly do: 'pop'; readonly count: number }
  /** The next key of the keyspace that throws its oldest entries away. */
  | { readonly do: 'log'; readonly count: number }
  | { readonly do: 'get'; readonly keyspace: string; readonly key: string; readonly at: number | undefined }
  | { readonly do: 'getMany'; readonly keyspace: string; readonly keys: readonly string[] }
  | {
      readonly do: 'range'
      readonly keyspace: string
      readonly range: HistoryRange
      readonly at: number | undefined
    }
  | { readonly do: 'count' | 'edges'; readonly keyspace: string; readonly range: HistoryRange }
  | { readonly do: 'snapshot' }
  | { readonly do: 'closeSnapshot'; readonly at: number }
  | {
      readonly do: 'iterate'
      readonly keyspace: string
      readonly range: HistoryRange
      readonly at: number | undefined
    }
  | { readonly do: 'step'; readonly iterator: number; readonly count: number }
  | { readonly do: 'endIterator'; readonly iterator: number }
  /** Removes a range of keys, or all. */
  | { readonly do: 'erase'; readonly keyspace: string; readonly from?: string; readonly to?: string }
  | { readonly do: 'flush' | 'compact'; readonly keyspace: string | undefined }
  | { readonly do: 'create' | 'drop'; readonly name: string }
  /** Has the next write begin a new journal. */
  | { readonly do: 'rotate' }
  | { readonly do: 'persist' }
  /** Lets the background go on. */
  | { readonly do: 'pause' }
  /** The clock of the host is set. */
  | { readonly do: 'clock' }
  /** Reads everything, in every way and at every open snapshot. */
  | { readonly do: 'sweep' }
  /** The database ends, cleanly or not, and is opened again. */
  | { readonly do: 'reopen' }

/** The keyspace that throws its oldest entries away; no other act than `log` writes to it. */
export const LOG = 'log'
/** Keyspaces that exist from the beginning: one that is written all the time is the default one, ''. */
export const STANDING = ['second', 'rare', 'idle'] as const
const PASSING = ['x', 'y']

const keyCount = 48
/** From here on nothing is written to `idle`, but now and then it is cleared. */
const idleFrom = 60

export function makeHistory(random: () => number, length: number): Act[] {
  const chance = (probability: number): boolean => random() < probability
  const key = (): string => `k${String(pick(random, keyCount)).padStart(2, '0')}`
  const acts: Act[] = []
  const keyspace = (): string => {
    const choice = random()
    if (acts.length < idleFrom && choice < 0.2) return 'idle'
    if (choice < 0.6) return ''
    if (choice < 0.86) return 'second'
    if (choice < 0.89) return 'rare'
    return PASSING[pick(random, PASSING.length)] ?? ''
  }
  const readable = (): string => (chance(0.06) ? 'idle' : keyspace())
  const at = (): number | undefined => (chance(0.4) ? pick(random, 3) : undefined)
  const write = (): HistoryWrite => ({
    keyspace: keyspace(),
    key: key(),
    value: chance(0.3) ? undefined : `${acts.length}:`.padEnd(pick(random, chance(0.1) ? 300 : 50), 'v'),
  })
  const writes = (most: number): HistoryWrite[] => Array.from({ length: 1 + pick(random, most) }, write)
  const range = (): HistoryRange => ({
    ...(chance(0.4) ? { [chance(0.5) ? 'gte' : 'gt']: key() } : {}),
    ...(chance(0.3) ? { [chance(0.5) ? 'lte' : 'lt']: key() } : {}),
    reverse: chance(0.5),
    limit: chance(0.2) ? -1 : 1 + pick(random, 12),
  })
  const kinds: readonly (readonly [weight: number, make: () => Act])[] = [
    [400, () => ({ do: 'write', write: write() })],
    [30, () => ({ do: 'turn', writes: writes(5) })],
    [60, () => ({ do: 'batch', writes: writes(6) })],
    [20, () => ({ do: 'push', keyspace: chance(0.7) ? '' : 'second', key: `q${acts.length}` })],
    [14, () => ({ do: 'pop', count: 1 + pick(random, 2) })],
    [20, () => ({ do: 'log', count: 1 + pick(random, 6) })],
    [150, () => ({ do: 'get', keyspace: readable(), key: key(), at: at() })],
    [20, () => ({ do: 'getMany', keyspace: readable(), keys: Array.from({ length: 4 }, key) })],
    [60, () => ({ do: 'range', keyspace: readable(), range: range(), at: at() })],
    [15, () => ({ do: 'count', keyspace: readable(), range: range() })],
    [15, () => ({ do: 'edges', keyspace: readable(), range: range() })],
    [12, () => ({ do: 'snapshot' })],
    [10, () => ({ do: 'closeSnapshot', at: pick(random, 3) })],
    [14, () => ({ do: 'iterate', keyspace: readable(), range: { ...range(), limit: -1 }, at: at() })],
    [50, () => ({ do: 'step', iterator: pick(random, 4), count: 1 + pick(random, 4) })],
    [8, () => ({ do: 'endIterator', iterator: pick(random, 4) })],
    [
      6,
      () => {
        const [from, to] = [key(), key()].sort()
        if (chance(0.2) || from === undefined || to === undefined)
          return { do: 'erase', keyspace: chance(0.3) ? 'idle' : keyspace() }
        return { do: 'erase', keyspace: keyspace(), from, to }
      },
    ],
    [6, () => ({ do: 'flush', keyspace: chance(0.4) ? undefined : keyspace() })],
    [2, () => ({ do: 'compact', keyspace: chance(0.4) ? undefined : keyspace() })],
    [5, () => ({ do: 'create', name: PASSING[pick(random, PASSING.length)] ?? 'x' })],
    [3, () => ({ do: 'drop', name: PASSING[pick(random, PASSING.length)] ?? 'x' })],
    [20, () => ({ do: 'rotate' })],
    [4, () => ({ do: 'persist' })],
    [8, () => ({ do: 'pause' })],
    [6, () => ({ do: 'clock' })],
    [2, () => ({ do: 'sweep' })],
    [2, () => ({ do: 'reopen' })],
  ]
  const sum = kinds.reduce((total, [weight]) => total + weight, 0)
  while (acts.length < length) {
    let choice = random() * sum
    const [, make] = kinds.find(([weight]) => (choice -= weight) < 0) ?? [0, undefined]
    if (make !== undefined) acts.push(make())
  }
  return [...acts, { do: 'sweep' }, { do: 'reopen' }, { do: 'sweep' }]
}
