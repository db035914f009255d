import { DELETE, READ, WRITE, type Operation } from './register-history.ts'

/**
 * Whether the history of a register, each of whose writes has a value of its own, can be put in one order that agrees with real time: P. B. Gibbons and
 * E. Korach, Testing Shared Memories (1997). A write and the reads of its value form a cluster; of all their ends the first, and of all their beginnings the
 * last, bound its zone. It is forward if that end comes before that beginning: the value was there from the one to the other.
 * There is an order iff no read ends before its write begins, no two forward zones overlap and no other zone lies within a forward one.
 *
 * Deletes have no value of their own: they count as writes that nobody reads, and a read of nothing needs one that it can follow.
 * @returns what is wrong, and the moment it was seen; undefined if nothing is
 */
export function notLinearizable(operations: readonly Operation[]): Contradiction | undefined {
  const clusters = new Map<number, Cluster>()
  const zones: Cluster[] = []
  for (const operation of operations) {
    if (operation.kind === READ) continue
    const cluster = clusterOf(operation)
    zones.push(cluster)
    if (operation.kind === WRITE) clusters.set(operation.value, cluster)
  }
  for (const read of operations) {
    if (read.kind !== READ || read.value === 0) continue
    const cluster = clusters.get(read.value)
    if (cluster === undefined)
      return { what: `${read.value} was read and never written`, moment: read.returned }
    if (read.returned < cluster.write.invoked)
      return { what: `${read.value} was read before it was written`, moment: read.returned }
    cluster.firstEnd = Math.min(cluster.firstEnd, read.returned)
    if (read.invoked > cluster.lastBegin) {
      cluster.lastBegin = read.invoked
      cluster.lastRead = read
    }
  }
  return contradictionOfZones(zones) ?? contradictionOfNothing(operations)
}

export interface Contradiction {
  readonly what: string
  readonly moment: number
}

interface Cluster {
  readonly write: Operation
  firstEnd: number
  lastBegin: number
  lastRead: Operation
}

function clusterOf(write: Operation): Cluster {
  return { write, firstEnd: write.returned, lastBegin: write.invoked, lastRead: write }
}

function contradictionOfZones(zones: readonly Cluster[]): Contradiction | undefined {
  const forward = zones
    .filter(({ firstEnd, lastBegin }) => firstEnd < lastBegin)
    .sort((a, b) => a.firstEnd - b.firstEnd)
  for (const [i, zone] of forward.entries()) {
    const next = forward[i + 1]
    if (next !== undefined && next.firstEnd < zone.lastBegin) return stale(zone, next)
  }
  for (const zone of zones) {
    if (zone.firstEnd < zone.lastBegin) continue
    // The last forward zone that begins before it; they do not overlap.
    const around = lastWhere(forward, ({ firstEnd }) => firstEnd < zone.lastBegin)
    if (around !== undefined && zone.firstEnd < around.lastBegin) return stale(around, zone)
  }
  return undefined
}

function stale(zone: Cluster, between: Cluster): Contradiction {
  const { write, lastRead } = zone
  const what = between.write.kind === DELETE ? 'a delete' : String(between.write.value)
  return {
    what: `${write.value}, there by ${zone.firstEnd}, was read in ${lastRead.invoked}..${lastRead.returned}, with ${what} written or seen between (${between.write.invoked}..${between.write.returned}, zone ${between.firstEnd}, ${between.lastBegin})`,
    moment: lastRead.returned,
  }
}

/** A read of nothing may follow the beginning, or a delete that may be the last write before it. */
function contradictionOfNothing(operations: readonly Operation[]): Contradiction | undefined {
  const writes = operations.filter(({ kind }) => kind === WRITE).sort((a, b) => a.returned - b.returned)
  // Of the writes that end up to there, the last beginning.
  const lastBegins: number[] = []
  for (const { invoked } of writes) lastBegins.push(Math.max(invoked, lastBegins.at(-1) ?? 0))
  const deletes = operations.filter(({ kind }) => kind === DELETE).sort((a, b) => a.invoked - b.invoked)
  const lastEnds: number[] = []
  for (const { returned } of deletes) lastEnds.push(Math.max(returned, lastEnds.at(-1) ?? 0))
  for (const read of operations) {
    if (read.kind !== READ || read.value !== 0) continue
    const ended = countWhere(writes, ({ returned }) => returned < read.invoked)
    const begun = countWhere(deletes, ({ invoked }) => invoked < read.returned)
    const write = ended === 0 ? 0 : (lastBegins[ended - 1] ?? 0)
    const lastDelete = begun === 0 ? 0 : (lastEnds[begun - 1] ?? 0)
    // All deletes that it can follow had ended before a write began that had ended before the read began.
    if (write > lastDelete)
      return {
        what: `nothing was read in ${read.invoked}..${read.returned}, after a write that began at ${write}`,
        moment: read.returned,
      }
  }
  return undefined
}

/** How many of a list's first items have what only its first items have. */
function countWhere<T>(items: readonly T[], holds: (item: T) => boolean): number {
  let low = 0
  let high = items.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const item = items[middle]
    if (item !== undefined && holds(item)) low = middle + 1
    else high = middle
  }
  return low
}

function lastWhere<T>(items: readonly T[], holds: (item: T) => boolean): T | undefined {
  return items[countWhere(items, holds) - 1]
}
