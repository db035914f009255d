import { PAGE_BYTES } from '../../assembly/memory/layout.ts'
import { isWellFormed } from '../bytes.ts'
import type { DatabaseDurability, Durability } from '../engine/durability.ts'
import { EVENT_NAMES, type EventName } from '../engine/events.ts'
import type { EngineOptions } from '../engine/thread.ts'
import type { ProgressListener } from '../engine/progress.ts'
import { describe, settledEncoding } from './encoding.ts'
import type { CreateWorker } from './types.ts'

const MIB = 1048576
export const MEMORY_LIMIT_MIN_BYTES: number = 16 * MIB
const MEMORY_LIMIT_DEFAULT_BYTES = 256 * MIB
const MEMORY_LIMIT_MAX_BYTES = 4294967296 - PAGE_BYTES
/** Largest default size of a memtable: near the last-level cache (docs/architecture.md, "Sizes"). */
const MEMTABLE_DEFAULT_BYTES = 8 * MIB
const TIMER_MAX_MS = 2147483647

type Bag = Record<string, unknown>

/**
 * Reads an options object as own properties into a bag without a prototype: what somebody put on Object.prototype does not count, a
 * getter is called once, a name we do not know is an error. @throws TypeError
 */
export function ownOptions(options: unknown, known: readonly string[], what: string): Bag {
  const bag: Bag = Object.create(null) as Bag
  if (options === undefined) return bag
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new TypeError(`${what} must be an object, not ${describe(options)}`)
  }
  for (const name of Object.keys(options)) {
    if (!known.includes(name))
      throw new TypeError(`${what} has no option '${name}'; known are ${known.join(', ')}`)
    const value = (options as Bag)[name]
    if (value !== undefined) bag[name] = value
  }
  return bag
}

export const OPEN_OPTIONS = [
  'createIfMissing',
  'errorIfExists',
  'keyEncoding',
  'valueEncoding',
  'durability',
  'memoryLimit',
  'memtableSize',
  'flushInterval',
  'stallTimeout',
  'maxPendingBytes',
  'recovery',
  'threads',
  'createWorker',
  'multiTab',
  'compaction',
  'tables',
] as const

export interface OpenRequest {
  engine: EngineOptions
  /** Whether a damaged database is to be made sound first. */
  salvages: boolean
  threads: number
  createWorker: CreateWorker | undefined
  multiTab: boolean
  keyEncoding: unknown
  valueEncoding: unknown
  /** The options of the default keyspace's policy. */
  policy: Bag
}

/** Background threads of the process that databases may use. NOTE: a database uses one; more are for several databases. */
const THREADS_DEFAULT = 1
const THREADS_MAX = 16

/** Checks what `open` was given and fills in the defaults. @throws TypeError, RangeError */
export function openRequest(options: unknown): OpenRequest {
  const bag = ownOptions(options, OPEN_OPTIONS, 'open')
  // NOTE: a memory is whole pages; what the user asked for is rounded down, never exceeded.
  const limit = integer(
    bag,
    'memoryLimit',
    MEMORY_LIMIT_DEFAULT_BYTES,
    MEMORY_LIMIT_MIN_BYTES,
    MEMORY_LIMIT_MAX_BYTES,
  )
  const memoryLimit = Math.floor(limit / PAGE_BYTES) * PAGE_BYTES
  const recovery = choice(bag, 'recovery', 'tolerate-tail', ['tolerate-tail', 'strict', 'salvage'])
  return {
    salvages: recovery === 'salvage',
    engine: {
      createIfMissing: flag(bag, 'createIfMissing', true),
      errorIfExists: flag(bag, 'errorIfExists', false),
      durability: choice<DatabaseDurability>(bag, 'durability', 'os', ['none', 'buffered', 'os', 'sync']),
      memoryLimit,
      memtableSize: integer(
        bag,
        'memtableSize',
        Math.min(MEMTABLE_DEFAULT_BYTES, Math.floor(memoryLimit / 16)),
        1,
        Math.floor(memoryLimit / 4),
      ),
      flushInterval: integer(bag, 'flushInterval', 10, 0, TIMER_MAX_MS),
      stallTimeout: integer(bag, 'stallTimeout', 10_000, 0, TIMER_MAX_MS),
      maxPendingBytes: integer(bag, 'maxPendingBytes', 64 * MIB, 1, Number.MAX_SAFE_INTEGER),
      recovery: recovery === 'strict' ? 'strict' : 'tolerate-tail',
    },
    threads: integer(bag, 'threads', THREADS_DEFAULT, 0, THREADS_MAX),
    createWorker: workerHook(bag['createWorker']),
    multiTab: flag(bag, 'multiTab', true),
    policy: { compaction: bag['compaction'], tables: bag['tables'] },
    keyEncoding: settledEncoding(bag['keyEncoding']),
    valueEncoding: settledEncoding(bag['valueEncoding']),
  }
}

/** @throws TypeError */
function workerHook(hook: unknown): CreateWorker | undefined {
  if (hook === undefined || typeof hook === 'function') return hook as CreateWorker | undefined
  throw new TypeError(`createWorker must be a function, not ${describe(hook)}`)
}

/** The durability a single write asks for. @throws TypeError */
export function writeDurability(options: unknown, database: DatabaseDurability): Durability | undefined {
  if (options === undefined) return undefined
  const bag = ownOptions(options, ['durability'], 'the write')
  if (bag['durability'] === undefined) return undefined
  const durability = choice<Durability>(bag, 'durability', 'os', ['buffered', 'os', 'sync'])
  if (database === 'none' && durability !== 'buffered') {
    throw new TypeError(
      `durability '${durability}' is not possible: the database was opened with 'none' and has no journal`,
    )
  }
  return durability
}

/** A keyspace's name as it is stored. @throws TypeError, RangeError */
export function checkKeyspaceName(name: unknown): string {
  if (typeof name !== 'string')
    throw new TypeError(`the keyspace name must be a string, not ${describe(name)}`)
  if (name.includes('\0')) throw new TypeError('the keyspace name must not contain a NUL character')
  if (!isWellFormed(name)) throw new TypeError('the keyspace name contains half of a surrogate pair')
  const sizeBytes = new TextEncoder().encode(name).byteLength
  if (sizeBytes < 1 || sizeBytes > 255) {
    throw new RangeError(`the keyspace name is ${sizeBytes} bytes long in UTF-8; 1 to 255 are possible`)
  }
  return name
}

export function flag(bag: Bag, name: string, otherwise: boolean): boolean {
  const value = bag[name]
  if (value === undefined) return otherwise
  if (typeof value !== 'boolean') throw new TypeError(`${name} must be true or false, not ${describe(value)}`)
  return value
}

function choice<T extends string>(bag: Bag, name: string, otherwise: T, allowed: readonly T[]): T {
  const value = bag[name]
  if (value === undefined) return otherwise
  const found = allowed.find((candidate) => candidate === value)
  if (found === undefined) throw new TypeError(`${name} must be one of '${allowed.join("', '")}'`)
  return found
}

function integer(bag: Bag, name: string, otherwise: number, least: number, most: number): number {
  const value = bag[name]
  if (value === undefined) return otherwise
  if (typeof value !== 'number') throw new TypeError(`${name} must be a number, not ${describe(value)}`)
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new RangeError(`${name} must be a whole number from ${least} to ${most}`)
  }
  return value
}

/** @throws TypeError */
export function checkListener(name: EventName, listener: unknown): void {
  if (!EVENT_NAMES.includes(name)) {
    throw new TypeError(`there is no event '${String(name)}'; known are ${EVENT_NAMES.join(', ')}`)
  }
  if (typeof listener !== 'function') throw new TypeError('the listener must be a function')
}

/** @throws TypeError */
export function progressListener(listener: unknown): ProgressListener {
  if (listener === undefined) return () => {}
  if (typeof listener !== 'function') throw new TypeError('onProgress must be a function')
  return listener as ProgressListener
}
