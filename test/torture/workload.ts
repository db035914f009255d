/** Random workloads for the torture programs, as plain data: the same seed gives the same steps. */
import type { Bytes, Durability } from '../model.ts'
import { pick } from '../support/random.ts'

/** One entry to write: a value, or without one a deletion. */
export interface Write {
  /** '' is the default keyspace. */
  readonly keyspace: string
  readonly key: string
  readonly valueBytes: number | undefined
}

/** `sync`: by the synchronous twin of the call. */
export type Step =
  | {
      readonly do: 'write'
      readonly write: Write
      readonly sync: boolean
      readonly durability: Durability | undefined
    }
  /** Un-awaited writes of one turn, then all awaited. */
  | { readonly do: 'turn'; readonly writes: readonly Write[]; readonly durability: Durability | undefined }
  /** One batch; it also writes the counter key in every keyspace it touches. */
  | {
      readonly do: 'batch'
      readonly writes: readonly Write[]
      readonly form: 'batch' | 'write'
      readonly sync: boolean
      readonly durability: Durability | undefined
    }
  | { readonly do: 'persist'; readonly mode: 'os' | 'sync'; readonly sync: boolean }
  | { readonly do: 'flush'; readonly keyspace: string | undefined; readonly sync: boolean }
  | { readonly do: 'compact'; readonly keyspace: string | undefined; readonly sync: boolean }
  /** Removes all keys of a keyspace, or those from `from` on and below `to`. */
  | { readonly do: 'erase'; readonly keyspace: string; readonly from?: string; readonly to?: string }
  /** Has the next write begin a new journal. */
  | { readonly do: 'rotate' }
  /** Lets the background go on. */
  | { readonly do: 'pause'; readonly turns: number }
  | { readonly do: 'create' | 'drop'; readonly name: string; readonly sync: boolean }
  /** Takes a snapshot, or compares the open one with what it was and closes it. */
  | { readonly do: 'snapshot' }
  /** Reads everything, in every way, and compares. */
  | { readonly do: 'read'; readonly sync: boolean }
  | { readonly do: 'reopen' }

/** How the database of a workload is opened. */
export interface Setting {
  readonly durability: Durability | 'none'
  readonly memtableSize: number
  readonly stallTimeout?: number
}

export interface Workload {
  readonly setting: Setting
  readonly steps: readonly Step[]
}

/** Key under which a batch writes its number. */
export const counterKey = '#'

const names = ['a', 'b']
const keyCount = 10

/** Settings under which workloads run; `none` last. */
export const settings: readonly Setting[] = [
  { durability: 'os', memtableSize: 4096 },
  { durability: 'buffered', memtableSize: 4096 },
  { durability: 'os', memtableSize: 1_048_576 },
  { durability: 'sync', memtableSize: 16_384 },
  { durability: 'none', memtableSize: 4096 },
]

export function makeWorkload(random: () => number, setting: Setting, length: number): Workload {
  /** Keyspaces that exist when the next step runs. */
  const existing = new Set<string>([''])
  const steps: Step[] = []
  const chance = (probability: number): boolean => random() < probability
  const durability = (): Durability | undefined =>
    setting.durability === 'none'
      ? undefined
      : ([undefined, undefined, undefined, 'buffered', 'os', 'sync'] as const)[pick(random, 6)]
  const keyspace = (): string => [...existing][pick(random, existing.size)] ?? ''
  const write = (): Write => ({
    keyspace: keyspace(),
    key: `k${pick(random, keyCount)}`,
    valueBytes: chance(0.2)
      ? undefined
      : chance(0.02)
        ? 33_000 + pick(random, 5000)
        : pick(random, chance(0.2) ? 700 : 60),
  })
  const writes = (most: number): Write[] => Array.from({ length: 1 + pick(random, most) }, write)
  while (steps.length < length) {
    const sync = chance(0.5)
    const choice = random()
    if (choice < 0.38) steps.push({ do: 'write', write: write(), sync, durability: durability() })
    else if (choice < 0.48) steps.push({ do: 'turn', writes: writes(5), durability: durability() })
    else if (choice < 0.76) {
      const form = chance(0.5) ? 'batch' : 'write'
      steps.push({ do: 'batch', writes: writes(6), form, sync, durability: durability() })
    } else if (choice < 0.82) steps.push({ do: 'persist', mode: chance(0.5) ? 'os' : 'sync', sync })
    else if (choice < 0.88) steps.push({ do: 'flush', keyspace: chance(0.5) ? undefined : keyspace(), sync })
    else if (choice < 0.9) steps.push({ do: 'compact', keyspace: chance(0.5) ? undefined : keyspace(), sync })
    else if (choice < 0.915) {
      const range = chance(0.5)
        ? {}
        : { from: `k${pick(random, keyCount)}`, to: `k${pick(random, keyCount)}` }
      steps.push({ do: 'erase', keyspace: keyspace(), ...range })
    } else if (choice < 0.925) steps.push({ do: 'pause', turns: 1 + pick(random, 20) })
    else if (choice < 0.935) steps.push({ do: 'rotate' })
    else if (choice < 0.95) {
      const name = names[pick(random, names.length)] ?? 'a'
      const drop = existing.has(name)
      if (drop && chance(0.6)) continue
      if (drop) existing.delete(name)
      else existing.add(name)
      steps.push({ do: drop ? 'drop' : 'create', name, sync })
    } else if (choice < 0.98) steps.push({ do: 'snapshot' })
    else steps.push({ do: 'reopen' })
  }
  return { setting, steps }
}

/** A value that names the commit it belongs to, so that no two commits write the same. */
export function valueOf(commit: number, valueBytes: number): Bytes {
  return new TextEncoder().encode(`${commit}:`.padEnd(valueBytes, `${commit % 10}`))
}
