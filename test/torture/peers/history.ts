/** What every engine of peer-parity is given to keep: the same batches in the same order, by a seed. */
import { mulberry32, pick } from '../../support/random.ts'

/** Without a value: a deletion. */
export interface Write {
  readonly key: Buffer
  readonly value: Buffer | undefined
}
export type Entry = readonly [key: Buffer, value: Buffer]

export interface History {
  /** Batches that end in files of their own; those of the last stage stay in the log. */
  readonly stages: readonly (readonly (readonly Write[])[])[]
  /** What there is after so many batches, in the order of keys. */
  readonly states: readonly (readonly Entry[])[]
  /** Keys that are not there in the end. */
  readonly absent: readonly Buffer[]
}

const STAGES = 3
const BATCHES = 7
const WRITES = 20

export function makeHistory(seed: number): History {
  const random = mulberry32(seed)
  const contents = new Map<string, Buffer>()
  const keys: string[] = []
  const states: Entry[][] = [[]]
  /** A key that is new, or now and then one that was written before. */
  const nextKey = (isKnown: boolean): string => {
    const known = keys[pick(random, keys.length)]
    if (isKnown && known !== undefined) return known
    const key = `key-${String(pick(random, 1_000_000)).padStart(6, '0')}`
    keys.push(key)
    return key
  }
  const write = (): Write => {
    const choice = random()
    const key = nextKey(choice < 0.2)
    if (choice < 0.07) {
      contents.delete(key)
      return { key: Buffer.from(key), value: undefined }
    }
    const value = someValue(random)
    contents.set(key, value)
    return { key: Buffer.from(key), value }
  }
  const batch = (): Write[] => {
    const writes = Array.from({ length: WRITES }, write)
    states.push(entriesOf(contents))
    return writes
  }
  const stages = Array.from({ length: STAGES }, () => Array.from({ length: BATCHES }, batch))
  const gone = keys.filter((key) => !contents.has(key))
  const absent = [...new Set([...gone, 'key', 'kez'])].map((key) => Buffer.from(key))
  return { stages, states, absent }
}

/** Half of it random, so that what compresses does so, and not to nothing. */
function someValue(random: () => number): Buffer {
  const length = 20 + pick(random, 60)
  const bytes = Uint8Array.from({ length }, () => pick(random, 256))
  return Buffer.concat([bytes, Buffer.alloc(length, 'v')])
}

function entriesOf(contents: ReadonlyMap<string, Buffer>): Entry[] {
  const sorted = [...contents].sort(([a], [b]) => (a < b ? -1 : 1))
  return sorted.map(([key, value]) => [Buffer.from(key), value])
}
