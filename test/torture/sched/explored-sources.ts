/** TypeScript of the engine with every use of Atomics handed to whoever explores it: the locks, the snapshot registry, and what reads and replaces SuperVersions. */
import { compileFunction } from 'node:vm'
import { buildSync } from 'esbuild'
import type { PointReader } from '../../../src/engine/point-read.ts'
import type { Reclaimer } from '../../../src/engine/reclaimer.ts'
import type { Room } from '../../../src/engine/room.ts'
import type { DatabaseThread } from '../../../src/engine/thread.ts'
import type { TreeDoor } from '../../../src/engine/tree-door.ts'
import type { Tree } from '../../../src/engine/tree.ts'
import type { WritePath } from '../../../src/engine/write-path.ts'
import type { Kernel } from '../../../src/kernel/kernel.ts'
import type { Condition } from '../../../src/sync/condition.ts'
import type { LockOrder } from '../../../src/sync/lock-order.ts'
import type { LockThread } from '../../../src/sync/lock-thread.ts'
import type { Mutex } from '../../../src/sync/mutex.ts'
import type { RwLock } from '../../../src/sync/rw-lock.ts'
import type { SnapshotRegistry } from '../../../src/version/snapshot-registry.ts'
import type { Version } from '../../../src/version/version.ts'
import { SUSPENDED } from './kernel-thread.ts'
import type { Machine } from './machine.ts'
import type { ReplayedThread } from './replayed-thread.ts'
import { exploredKernel } from './explored-kernel.ts'

const SOURCES = [
  'engine/point-read',
  'engine/reclaimer',
  'engine/room',
  'engine/thread',
  'engine/tree',
  'engine/tree-door',
  'engine/write-path',
  'kernel/kernel',
  'sync/condition',
  'sync/lock-order',
  'sync/lock-thread',
  'sync/mutex',
  'sync/rw-lock',
  'version/snapshot-registry',
  'version/version',
]
/** Those of whose places every one must be come to. */
const COUNTED = /^(?:sync\/|version\/snapshot-registry|engine\/(?:tree|tree-door|thread)$|$)/

export interface ExploredSources {
  readonly Condition: typeof Condition
  readonly DatabaseThread: typeof DatabaseThread
  readonly Kernel: typeof Kernel
  readonly LockOrder: typeof LockOrder
  readonly LockThread: typeof LockThread
  readonly Mutex: typeof Mutex
  readonly PointReader: typeof PointReader
  readonly Reclaimer: typeof Reclaimer
  readonly Room: typeof Room
  readonly RwLock: typeof RwLock
  readonly SnapshotRegistry: typeof SnapshotRegistry
  readonly Tree: typeof Tree
  readonly TreeDoor: typeof TreeDoor
  readonly Version: typeof Version
  readonly WritePath: typeof WritePath
  /** For the data that scenes guard: every access is a point too. */
  peek(words: Int32Array, address: number): number
  poke(words: Int32Array, address: number, value: number): void
  /** Raises a u64. */
  raise(words: BigInt64Array, address: number, value: number): void
}

const DATA_ACCESS = `
export const peek = (words, address) => Atomics.load(words, address >>> 2)
export const poke = (words, address, value) => { Atomics.store(words, address >>> 2, value) }
export const raise = (words, address, value) => { Atomics.store(words, address >>> 3, BigInt(value)) }`

/** A use of Atomics in the sources. */
export interface Place {
  /** File and line of text. */
  readonly name: string
  /** Statistics: nothing depends on them, so nobody else need go on there. */
  readonly isQuiet: boolean
  readonly isCounted: boolean
}

/** Fewer slots, no spinning, and a small memory: the same steps, fewer times. */
const CONSTANTS = [
  ['SLOT_COUNT = 64', 'SLOT_COUNT = 3'],
  ['SPINS = 100', 'SPINS = 0'],
  ['RESERVED_PAGES = 36', 'RESERVED_PAGES = 0'],
  ['AREA_SLOTS = (AREA_BYTES - SLOTS_AT) / 8', 'AREA_SLOTS = 2'],
] as const

type Words = Int32Array | BigInt64Array
type Value = number | bigint

let text: string | undefined
const places: Place[] = []

/** The sources with a number for each use of Atomics. */
function bundle(): string {
  const built = buildSync({
    stdin: {
      contents: SOURCES.map((name) => `export * from './src/${name}.ts'`).join('\n') + DATA_ACCESS,
      resolveDir: process.cwd(),
    },
    bundle: true,
    write: false,
    format: 'iife',
    globalName: 'sources',
    target: 'es2022',
  }).outputFiles[0]
  let source = built?.text ?? ''
  for (const [from, to] of CONSTANTS) source = replaced(source, from, to)
  let file = ''
  const lines = source.split('\n').map((line) => {
    file = /^\s*\/\/ (?:(?:src|assembly)\/(\S+)\.ts|<stdin>)$/.exec(line)?.[1] ?? file
    return line.replace(/\bAtomics\.(\w+)\(/g, (_, operation: string) => {
      places.push({
        name: `${file}: ${line.trim()}`,
        isQuiet: file === 'sync/lock-statistics',
        isCounted: COUNTED.test(file),
      })
      return `Atomics.${operation}(${places.length - 1}, `
    })
  })
  return lines.join('\n')
}

function replaced(source: string, from: string, to: string): string {
  if (source.split(from).length !== 2) throw new Error(`${from} is not in the sources, or more than once`)
  return source.replace(from, () => to)
}

/** With a seeded bug, whose parts are as in the sources: the new one's uses of Atomics are at the place of the first one there, or of any. */
function edited(source: string, [from, to]: readonly [string, string]): string {
  const escaped = from.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
  const pattern = new RegExp(escaped.replace(/(Atomics\\\.\w+\\\()/g, '$1(\\d+), '))
  const found = pattern.exec(source)
  if (found === null) throw new Error(`${from} is not in the sources`)
  const numbered = to.replace(/(Atomics\.\w+\()/g, `$1${found[1] ?? '0'}, `)
  return replaced(source, found[0], numbered)
}

export function sourcePlaces(): readonly Place[] {
  text ??= bundle()
  return places
}

/** The sources over the memory of a machine. `running`: the thread that runs, undefined outside of a schedule. */
export function exploredSources(
  machine: Machine,
  running: () => ReplayedThread | undefined,
): ExploredSources {
  text ??= bundle()
  const edit = machine.bug?.edit
  const source = edit === undefined ? text : edited(text, edit)
  const load = compileFunction(`${source}\nreturn sources`, [
    'Atomics',
    'performance',
    'Date',
    'setTimeout',
  ]) as (
    atomics: unknown,
    performance: { now: () => number },
    date: { now: () => number },
    timer: () => undefined,
  ) => ExploredSources
  const now = (): number => {
    const thread = running()
    return thread === undefined ? 0 : thread.once(() => machine.nowMs(thread.thread))
  }
  // NOTE: nothing happens later here: what a timer would do, a thread does in its next move, or nobody.
  return load(atomicsDouble(machine, running), { now }, { now }, () => undefined)
}

/** What stands in for Atomics. Each is given the number of its place first. */
function atomicsDouble(machine: Machine, running: () => ReplayedThread | undefined): unknown {
  const { world } = machine
  const first = exploredKernel().places.length

  function operate<T>(place: number, words: Words, index: number, writes: boolean, perform: () => T): T {
    const thread = running()
    const { isQuiet } = sourcePlaces()[place] as Place
    if (thread === undefined || isQuiet) machine.visitAtOnce(first + place)
    if (thread === undefined) return perform()
    return thread.operate(first + place, isQuiet, index * words.BYTES_PER_ELEMENT, writes, perform)
  }
  const read = (words: Words, index: number): Value =>
    (words.BYTES_PER_ELEMENT === 8 ? world.i64[index] : world.i32[index]) as Value
  const write = (words: Words, index: number, value: Value): void => {
    if (words.BYTES_PER_ELEMENT === 8) machine.set64(index, value as bigint)
    else machine.set32(index, value as number)
  }
  const change =
    (result: (old: never, value: never) => Value) =>
    (place: number, words: Words, index: number, value: Value): Value =>
      operate(place, words, index, true, () => {
        const old = read(words, index)
        write(words, index, result(old as never, value as never))
        return old
      })
  return {
    load: (place: number, words: Words, index: number) =>
      operate(place, words, index, false, () => read(words, index)),
    store: change((_, value) => value),
    exchange: change((_, value) => value),
    add: change((old: number, value: number) => old + value),
    sub: change((old: number, value: number) => old - value),
    and: change((old: number, value: number) => old & value),
    or: change((old: number, value: number) => old | value),
    compareExchange: (place: number, words: Words, index: number, expected: Value, value: Value) =>
      operate(place, words, index, true, () => {
        const old = read(words, index)
        // NOTE: values beyond the word's range are compared as it holds them.
        if (old === (typeof expected === 'number' ? expected | 0 : expected)) write(words, index, value)
        return old
      }),
    notify: (place: number, words: Words, index: number, count = Infinity) =>
      operate(place, words, index, true, () => machine.wakeUp(index, count)),
    wait: (place: number, words: Words, index: number, value: Value, ms = Infinity) => {
      const thread = running() as ReplayedThread
      return thread.sleepOr(first + place, index * words.BYTES_PER_ELEMENT, () => {
        if (read(words, index) !== value) return 'not-equal'
        machine.sleep(thread.thread, index, ms)
        return SUSPENDED
      })
    },
  }
}
