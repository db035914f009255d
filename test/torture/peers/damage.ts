/** What is done to a copy of the golden directory: one bit flipped, or one file cut off. */
import { pick } from '../../support/random.ts'

export interface GoldenFile {
  readonly name: string
  readonly kind: string
  readonly bytes: Buffer
}

export interface Damage {
  readonly type: 'flip' | 'truncation'
  readonly file: GoldenFile
  /** The bit that is flipped, or the bytes that are left. */
  readonly at: number
}

export function apply({ type, file, at }: Damage): Buffer {
  if (type === 'truncation') return file.bytes.subarray(0, at)
  const damaged = Buffer.from(file.bytes)
  damaged.writeUInt8(damaged.readUInt8(at >>> 3) ^ (1 << (at & 7)), at >>> 3)
  return damaged
}

export function describeDamage({ type, file, at }: Damage): string {
  return type === 'flip'
    ? `bit ${at & 7} of byte ${at >>> 3} of ${file.name} flipped`
    : `${file.name} cut off at ${at} of ${file.bytes.length} bytes`
}

/**
 * So many different damages of a type, at random. Every kind of file gets its share, in it every file by its size; what a small kind has not the bits
 * for goes to the larger ones.
 */
export function plan(
  files: readonly GoldenFile[],
  type: Damage['type'],
  count: number,
  random: () => number,
): Damage[] {
  const kinds = groupBy(files, ({ kind }) => kind)
  const placesOf = (kind: readonly GoldenFile[]): number =>
    kind.reduce((sum, { bytes }) => sum + bytes.length * (type === 'flip' ? 8 : 1), 0)
  kinds.sort((a, b) => placesOf(a) - placesOf(b))
  const damages: Damage[] = []
  for (const [i, kind] of kinds.entries()) {
    const share = Math.ceil((count - damages.length) / (kinds.length - i))
    const places = placesOf(kind)
    const chosen = new Set<number>()
    while (chosen.size < Math.min(share, places)) chosen.add(pick(random, places))
    for (const place of chosen) damages.push(damageAt(kind, type, place))
  }
  return damages
}

function damageAt(kind: readonly GoldenFile[], type: Damage['type'], place: number): Damage {
  let at = place
  for (const file of kind) {
    const places = file.bytes.length * (type === 'flip' ? 8 : 1)
    if (at < places) return { type, file, at }
    at -= places
  }
  throw new RangeError(`there is no place ${place}`)
}

export function shuffled<T>(list: readonly T[], random: () => number): T[] {
  return list
    .map((item) => ({ item, order: random() }))
    .sort((a, b) => a.order - b.order)
    .map(({ item }) => item)
}

/** The groups of items with the same key, in the order in which each first comes. */
export function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): T[][] {
  const groups = new Map<string, T[]>()
  for (const item of items) {
    const group = groups.get(keyOf(item)) ?? []
    groups.set(keyOf(item), group)
    group.push(item)
  }
  return [...groups.values()]
}
