/**
 * The process of `soak`: node --expose-gc soak-child.mjs '{"directory":…,"seed":…,"seconds":…}'. It opens a database again and again, uses it for a while, and notes what is in use at the end of
 * each lap. The last line it prints is its report.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate, setTimeout } from 'node:timers/promises'
import { PAGE_BYTES } from '../../../assembly/memory/layout.ts'
import { open } from '../../../src/index.ts'
import { MEMTABLE_BYTES, type Lap, type SoakReport, type SoakRequest } from './soak-report.ts'
import { mulberry32, pick } from '../../support/random.ts'
import { compareBytes } from '../../model.ts'

const KEYS = 4000
const VALUE_BYTES = 600
/** Of a lap, however slow the machine. */
const OPERATIONS_MIN = 1000
const OPEN_READS_MAX = 60
const COLLECT_MS = 10_000
const SETTLE_MS = 3000
/** The journal is synced once more after the last write. */
const QUIET_MS = 1500

/** A memory is made for a database, and used again for the next one. */
let madePages = 0
const Memory = WebAssembly.Memory
WebAssembly.Memory = class extends Memory {
  constructor(descriptor: WebAssembly.MemoryDescriptor) {
    super(descriptor)
    madePages += this.buffer.byteLength / PAGE_BYTES
  }
}

type Store = Awaited<ReturnType<typeof openStore>>

function openStore(directory: string): ReturnType<typeof open<'utf8', 'bytes'>> {
  const text = { keyEncoding: 'utf8', valueEncoding: 'bytes' } as const
  return open(directory, { ...text, memtableSize: MEMTABLE_BYTES, memoryLimit: 32 << 20, threads: 1 })
}

class Soak {
  readonly #request: SoakRequest
  readonly #random: () => number
  readonly #truth = new Map<string, Uint8Array>()
  readonly laps: Lap[] = []
  abandoned = 0
  /** Random bytes, of which values are parts: nothing that compresses. */
  readonly #noise = new Uint8Array(65_536)

  constructor(request: SoakRequest) {
    this.#request = request
    this.#random = mulberry32(request.seed)
    for (let i = 0; i < this.#noise.length; i++) this.#noise[i] = pick(this.#random, 256)
  }

  async lap(untilMs: number, isLast: boolean): Promise<SoakReport['idle'] | undefined> {
    const { directory } = this.#request
    const db = await openStore(directory)
    const lap: Lap = {
      operations: 0,
      writtenBytes: 0,
      rssBytes: 0,
      heapBytes: 0,
      usedPages: 0,
      madePages: 0,
      descriptors: undefined,
      diskBytes: 0,
      logicalBytes: 0,
      mostJournalBytes: 0,
    }
    if (this.laps.length === 0) this.#fill(db)
    this.#touchOthers(db)
    for (let sampleMs = 0; performance.now() < untilMs || lap.operations < OPERATIONS_MIN;) {
      for (let i = 0; i < 50; i++) await this.#step(db, lap)
      await setImmediate()
      if (performance.now() < sampleMs) continue
      sampleMs = performance.now() + 200
      lap.mostJournalBytes = Math.max(lap.mostJournalBytes, db.stats().journalBytes)
      globalThis.gc?.()
    }
    await this.#settle(db, lap)
    const idle = isLast ? await this.#idle() : undefined
    await db.close()
    lap.descriptors = await this.#descriptors()
    lap.madePages = madePages
    this.laps.push(lap)
    return idle
  }

  #fill(db: Store): void {
    for (let i = 0; i < KEYS; i++) this.#put(db.putSync.bind(db), keyOf(i))
  }

  /** @returns how many bytes that were */
  #put(put: (key: string, value: Uint8Array) => unknown, key: string): number {
    const start = pick(this.#random, this.#noise.length - VALUE_BYTES)
    const value = this.#noise.slice(start, start + pick(this.#random, VALUE_BYTES))
    put(key, value)
    this.#truth.set(key, value)
    return key.length + value.byteLength
  }

  /** One keyspace in which little happens, so that its memtable holds journals back, and one that is filled and cleared. */
  #touchOthers(db: Store): void {
    db.keyspaceSync('idle').putSync('lap', String(this.laps.length))
    const cleared = db.keyspaceSync('cleared')
    for (let i = 0; i < 300; i++) cleared.putSync(`k${i}`, this.#noise.subarray(0, 300))
    cleared.clearSync()
    cleared.putSync('after', 'x')
  }

  async #step(db: Store, lap: Lap): Promise<void> {
    const random = this.#random
    lap.operations++
    if (random() < 0.2) return this.#write(db, lap)
    const key = this.#key()
    const way = random()
    if (way < 0.5) this.#check(key, db.getSync(key))
    else if (way < 0.8) {
      const expected = this.#truth.get(key)
      this.#compare(key, expected, await db.get(key))
    } else if (way < 0.97)
      for (const [found, value] of db.rangeSync({ gte: key, limit: 10 })) this.#check(found, value)
    else this.#abandon(db, key)
  }

  /** Left to the garbage collector: a snapshot, or an iteration half-way. */
  #abandon(db: Store, key: string): void {
    // NOTE: an iteration holds a page until it is collected, and the host decides when that is.
    if (db.stats().openReads >= OPEN_READS_MAX) return
    this.abandoned++
    if (this.#random() < 0.5) this.#check(key, db.snapshot().getSync(key))
    else db.rangeSync({ gte: key }).next()
  }

  async #write(db: Store, lap: Lap): Promise<void> {
    const random = this.#random
    const batch = db.batch()
    const count = random() < 0.8 ? 1 : 1 + pick(random, 10)
    for (let i = 0; i < count; i++) {
      const key = this.#key()
      if (random() < 0.1) {
        batch.delete(key)
        this.#truth.delete(key)
        continue
      }
      lap.writtenBytes += this.#put(batch.put.bind(batch), key)
    }
    if (random() < 0.5) batch.commitSync()
    else await batch.commit({ durability: random() < 0.01 ? 'sync' : 'buffered' })
  }

  #key(): string {
    return keyOf(pick(this.#random, KEYS))
  }

  #check(key: string, value: Uint8Array | undefined): void {
    this.#compare(key, this.#truth.get(key), value)
  }

  #compare(key: string, expected: Uint8Array | undefined, value: Uint8Array | undefined): void {
    if (
      expected === undefined
        ? value === undefined
        : value !== undefined && compareBytes(expected, value) === 0
    )
      return
    throw new Error(`${key} is ${value?.byteLength ?? 'no'} bytes, not ${expected?.byteLength ?? 'no'}`)
  }

  /** Compacts, collects, and notes what is in use then. */
  async #settle(db: Store, lap: Lap): Promise<void> {
    let untilMs = performance.now() + COLLECT_MS
    do {
      globalThis.gc?.()
      await setTimeout(5)
      if (performance.now() > untilMs)
        throw new Error(`${db.stats().openReads} abandoned reads are still open`)
    } while (db.stats().openReads > 0)
    await db.compact()
    const entries = [...db.rangeSync()]
    if (entries.length !== this.#truth.size)
      throw new Error(`${entries.length} entries, not ${this.#truth.size}`)
    for (const [key, value] of entries) {
      this.#check(key, value)
      lap.logicalBytes += key.length + value.byteLength
    }
    untilMs = performance.now() + SETTLE_MS
    for (let strangers; (strangers = strangersIn(this.#request.directory, db)) !== ''; await setTimeout(5))
      if (performance.now() > untilMs) throw new Error(strangers)
    entries.length = 0
    globalThis.gc?.()
    const { memoryFreeBytes, memoryLimit, cache } = db.stats()
    lap.usedPages = (memoryLimit - memoryFreeBytes - cache.bytes) / PAGE_BYTES
    const { rss, heapUsed, external } = process.memoryUsage()
    lap.rssBytes = rss
    lap.heapBytes = heapUsed + external
    for (const { sizeBytes } of filesIn(this.#request.directory)) lap.diskBytes += sizeBytes
  }

  /** NOTE: a thread that ends has some for a moment longer. */
  async #descriptors(): Promise<number | undefined> {
    const lowest = Math.min(...this.laps.map((lap) => lap.descriptors ?? Infinity))
    const untilMs = performance.now() + SETTLE_MS
    for (;;) {
      const count = descriptors()
      const isSettled = this.laps.length < 2 || count === undefined || count <= lowest
      if (isSettled || performance.now() > untilMs) return count
      await setTimeout(20)
    }
  }

  /** Nobody asks for anything: nothing is written, nothing is burnt. */
  async #idle(): Promise<SoakReport['idle']> {
    const { idleSeconds, directory } = this.#request
    await setTimeout(QUIET_MS)
    const state = (): string => JSON.stringify([filesIn(directory), bytesWritten()])
    const before = state()
    const cpu = process.cpuUsage()
    await setTimeout(idleSeconds * 1000)
    const { user, system } = process.cpuUsage(cpu)
    const after = state()
    const changes = before === after ? '' : `${before} became ${after}`
    return { seconds: idleSeconds, cpuMs: (user + system) / 1000, changes }
  }
}

function keyOf(number: number): string {
  return `k${String(number).padStart(5, '0')}`
}

interface FoundFile {
  readonly name: string
  readonly sizeBytes: number
  readonly changedMs: number
}

function filesIn(directory: string): FoundFile[] {
  return readdirSync(directory)
    .sort()
    .flatMap((name) => {
      const { size, mtimeMs } = statSync(join(directory, name), { throwIfNoEntry: false }) ?? {}
      return size === undefined || mtimeMs === undefined
        ? []
        : [{ name, sizeBytes: size, changedMs: mtimeMs }]
    })
}

function strangersIn(directory: string, db: Store): string {
  const { keyspaces, journals } = db.stats()
  const known = { sst: keyspaces.reduce((sum, { tables }) => sum + tables, 0), wal: journals, man: 1 }
  const names = readdirSync(directory)
  const wrong = Object.entries(known).map(([extension, count]) => {
    const found = names.filter((name) => name.endsWith(`.${extension}`))
    return found.length === count
      ? ''
      : `${count} .${extension} files are in use, and there are ${found.join(', ')}`
  })
  return wrong.filter((text) => text !== '').join('; ')
}

/** Bytes that this process had written to disks; undefined where the host does not tell. */
function bytesWritten(): string | undefined {
  try {
    return /write_bytes: (\d+)/.exec(readFileSync('/proc/self/io', 'latin1'))?.[1]
  } catch {
    return undefined
  }
}

function descriptors(): number | undefined {
  try {
    return readdirSync('/proc/self/fd').length
  } catch {
    return undefined
  }
}

const request = JSON.parse(process.argv[2] ?? '') as SoakRequest
const soak = new Soak(request)
const endMs = performance.now() + request.seconds * 1000
let idle: SoakReport['idle'] = { seconds: 0, cpuMs: 0, changes: '' }
let failure: string | undefined
try {
  for (let isLast = false; !isLast;) {
    const untilMs = performance.now() + request.lapSeconds * 1000
    isLast = untilMs >= endMs && soak.laps.length + 1 >= request.lapsMin
    idle = (await soak.lap(untilMs, isLast)) ?? idle
  }
} catch (error) {
  failure = error instanceof Error ? (error.stack ?? error.message) : String(error)
}
const { laps, abandoned } = soak
console.log(JSON.stringify({ laps, abandoned, idle, failure } satisfies SoakReport))
// NOTE: where a lap failed its database is open.
process.exit()
