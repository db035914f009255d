/**
 * What the writers of `kill9` write, as a function of the commit's number: the process that is killed and the one that looks afterwards both know it. Each writer
 * has keys of its own and numbers its commits 1, 2, 3, …
 */
import { mulberry32, pick } from '../../support/random.ts'

export const WRITERS = 4

export interface PlannedWrite {
  readonly keyspace: '' | 'other'
  readonly key: string
  /** undefined: a deletion. */
  readonly value: string | undefined
}

/** Under it every batch writes its number, in both keyspaces, with what its writer had seen of the others. */
export function counterKey(writer: number): string {
  return `c${writer}`
}

/** `seen`: of each writer, the number of the last batch that this one had seen when it began. */
export function counterValue(number: number, seen: readonly number[]): string {
  return [number, ...seen].join(' ')
}

/** One commit out of two is a batch over both keyspaces; the others are one put each. */
export function isBatch(seed: number, writer: number, number: number): boolean {
  return mulberry32(seed ^ (number * WRITERS + writer))() < 0.5
}

/** All of a commit but the counters. */
export function writesOf(seed: number, writer: number, number: number): PlannedWrite[] {
  const random = mulberry32(seed * 7 + number * WRITERS + writer)
  const key = (): string => `w${writer}/${pick(random, 30)}`
  const value = (): string => `${number}:`.padEnd(pick(random, 12) === 0 ? 4000 : pick(random, 150), 'v')
  if (!isBatch(seed, writer, number)) return [{ keyspace: '', key: key(), value: value() }]
  return Array.from({ length: 1 + pick(random, 4) }, () => {
    const [k, v] = [key(), random() < 0.15 ? undefined : value()]
    return [
      { keyspace: '', key: k, value: v },
      { keyspace: 'other', key: k, value: v },
    ] as const
  }).flat()
}
