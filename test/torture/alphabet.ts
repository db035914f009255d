/**
 * The ten kinds of operations that bounded-exhaustive puts together: each way in which a caller can change the database, at a durability of
 * its own so that all of them meet in one journal. Every sequence begins with the same steps, which leave each keyspace with entries in a table
 * and entries in a memtable, so that already the first operation has something to overwrite, to flush or to destroy.
 *
 * What is not a kind: deleteWeak (a delete to journal and recovery), persist (the sync of `batch` without its writes), and snapshots, which change
 * nothing themselves but what may be thrown away: every sequence runs once without one and once under one.
 */
import type { Step, Write } from './workload.ts'

export const KINDS = [
  'put',
  'turn',
  'batch',
  'rotate',
  'flush',
  'compact',
  'clear',
  'dropRange',
  'keyspace',
  'reopen',
] as const

export type Kind = (typeof KINDS)[number]

/** The keyspace that comes and goes. */
const NAMED = 'a'

const put = (keyspace: string, key: string): Write => ({ keyspace, key, valueBytes: 12 })
const remove = (keyspace: string, key: string): Write => ({ keyspace, key, valueBytes: undefined })
const batch = (writes: readonly Write[], durability: 'os' | 'sync', sync: boolean): Step => ({
  do: 'batch',
  writes,
  form: 'batch',
  sync,
  durability,
})

const begin: readonly Step[] = [
  { do: 'create', name: NAMED, sync: true },
  batch(
    ['', NAMED].flatMap((name) => [put(name, 'k1'), put(name, 'k2')]),
    'sync',
    true,
  ),
  { do: 'flush', keyspace: undefined, sync: true },
  batch([put('', 'k3'), remove('', 'k2'), put(NAMED, 'k3')], 'os', true),
]

/** The steps of a sequence: what all begin with, the kinds, the end. `read`: a snapshot is open all along. */
export function stepsOf(kinds: readonly Kind[], read: boolean): Step[] {
  let exists = true
  const steps = kinds.flatMap((kind): Step[] => {
    if (kind !== 'keyspace') return stepsOfKind(kind, exists)
    exists = !exists
    return [{ do: exists ? 'create' : 'drop', name: NAMED, sync: true }]
  })
  // A snapshot ends with the database that it is of; where there is none any more, the last step takes one.
  return [...begin, ...(read ? [snapshot] : []), ...steps, ...(read ? [snapshot] : [])]
}

const snapshot: Step = { do: 'snapshot' }

function stepsOfKind(kind: Exclude<Kind, 'keyspace'>, exists: boolean): Step[] {
  switch (kind) {
    case 'put':
      return [{ do: 'write', write: put('', 'k1'), sync: true, durability: 'os' }]
    // Writes that are not awaited one by one, in one group of the journal, a deletion among them.
    case 'turn':
      return [{ do: 'turn', writes: [remove('', 'k1'), put('', 'k2')], durability: 'buffered' }]
    case 'batch':
      return [
        batch([put('', 'k3'), ...(exists ? [remove(NAMED, 'k1'), put(NAMED, 'k2')] : [])], 'sync', false),
      ]
    case 'rotate':
      return [
        { do: 'rotate' },
        { do: 'write', write: put(exists ? NAMED : '', 'k4'), sync: true, durability: 'buffered' },
      ]
    case 'flush':
      return [{ do: 'flush', keyspace: undefined, sync: false }]
    case 'compact':
      return [{ do: 'compact', keyspace: undefined, sync: false }]
    case 'clear':
      return [{ do: 'erase', keyspace: '' }]
    case 'dropRange':
      return [{ do: 'erase', keyspace: '', from: 'k1', to: 'k3' }]
    case 'reopen':
      return [{ do: 'reopen' }]
  }
}

/** All sequences of up to `longest` kinds, short ones first. */
export function* sequences(longest: number): Generator<readonly Kind[]> {
  for (let length = 1; length <= longest; length++) yield* ofLength(length)
}

function* ofLength(length: number): Generator<readonly Kind[]> {
  if (length === 0) yield []
  else for (const kinds of ofLength(length - 1)) for (const kind of KINDS) yield [...kinds, kind]
}
