/**
 * T18 of RELIABILITY.md: what is just within a limit is stored, and is there after a crash, a flush and a compaction; what is just beyond it, or is
 * not what it should be, is refused by a TypeError, a RangeError or a VarveError, and changes nothing.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { openOn } from '../../src/api/open.ts'
import { VarveError } from '../../src/errors.ts'
import { open } from '../../src/index.ts'
import { FaultyFileSystem } from '../support/faulty.ts'
import type { SubjectDatabase } from '../support/subject.ts'
import { mulberry32, pick } from '../support/random.ts'
import { DISGUISED, REFUSED } from './limits/values.ts'
import { root } from './root.ts'
import { Violation } from './runner.ts'
import { bundleWithEngine } from './threads/engine-bundle.ts'
import type { Patch } from './threads/patches.ts'

export interface LimitsBudget {
  readonly seed: number
  readonly seconds: number
  /** Seeded in the processes that meet a limit. */
  readonly patches?: readonly Patch[]
}

export interface LimitsSummary {
  program: string
  seed: number
  seconds: number
  cases: number
  /** Calls that were refused, each with a typed error. */
  refused: number
  /** Values and keys compared after a crash and after a compaction. */
  stored: number
  /** Processes that met a file size limit. */
  processes: number
}

const MEMORY_LIMIT_BYTES = 16 * 1_048_576
const VALUE_LIMIT_BYTES = MEMORY_LIMIT_BYTES / 16
const KEY_LIMIT_BYTES = 65_535

/** Widths of fields, sizes of blocks, pages and extents, limits. */
const VALUE_EDGES = [
  0,
  64,
  128,
  256,
  4096,
  16_384,
  32_768,
  65_536,
  131_048,
  131_056,
  131_072,
  262_144,
  VALUE_LIMIT_BYTES,
]
const KEY_EDGES = [0, 16, 64, 128, 256, 4096, 16_384, 32_768, KEY_LIMIT_BYTES]

type Way = 'putSync' | 'put' | 'batch' | 'write'
const WAYS: readonly Way[] = ['putSync', 'put', 'batch', 'write']

/** All cases; `seconds` only bounds the random ones at the end. */
export async function limits({ seed, seconds, patches = [] }: LimitsBudget): Promise<LimitsSummary> {
  const began = Date.now()
  const run = new Limits()
  await run.boundaries()
  await run.names()
  await run.batches()
  await run.refusals()
  await run.disguises()
  await run.options()
  await run.mutations()
  await run.fileSizeLimits(patches)
  const random = mulberry32(seed)
  while (Date.now() - began < seconds * 1000 && run.summary.cases < 5000) await run.random(random)
  return { ...run.summary, seed, seconds: (Date.now() - began) / 1000 }
}

class Limits {
  readonly summary: LimitsSummary = {
    program: 'limits',
    seed: 0,
    seconds: 0,
    cases: 0,
    refused: 0,
    stored: 0,
    processes: 0,
  }

  async boundaries(): Promise<void> {
    const around = (edges: readonly number[]): number[] =>
      [...new Set(edges.flatMap((edge) => [edge - 1, edge, edge + 1]))].filter((length) => length >= 0)
    for (const way of WAYS) {
      await this.#store(
        way,
        around(VALUE_EDGES).map((length, i) => [bytesOf(2 + (i % 5), i), bytesOf(length, i)]),
      )
      await this.#store(
        way,
        around(KEY_EDGES).map((length, i) => [bytesOf(length, i), bytesOf(i % 70, i)]),
      )
    }
  }

  async random(random: () => number): Promise<void> {
    const size = (edges: readonly number[]): number => {
      const edge = edges[pick(random, edges.length)] ?? 0
      return Math.max(0, edge - 40 + pick(random, 80))
    }
    const entries = Array.from({ length: 8 }, (_, i): [Uint8Array, Uint8Array] => [
      bytesOf(size(KEY_EDGES), i + pick(random, 200)),
      bytesOf(size(VALUE_EDGES), i),
    ])
    await this.#store(WAYS[pick(random, WAYS.length)] ?? 'put', entries)
  }

  /** Each entry by itself; what is beyond a limit is refused, the rest found after everything that may happen to it. */
  async #store(way: Way, entries: readonly (readonly [Uint8Array, Uint8Array])[]): Promise<void> {
    const files = new FaultyFileSystem()
    let db = await openSmall(files)
    const expected = new Map<string, Uint8Array>()
    // The last one commits what a refused one may have left behind.
    for (const [key, value] of [...entries, [bytesOf(9, 99), bytesOf(5, 5)] as const]) {
      this.summary.cases++
      const isBeyond = key.byteLength > KEY_LIMIT_BYTES || value.byteLength > VALUE_LIMIT_BYTES
      const what = `${way}: a key of ${key.byteLength} B, a value of ${value.byteLength} B`
      if (isBeyond) await this.#refused(what, () => put(db, way, key, value), RangeError)
      else {
        await put(db, way, key, value)
        expected.set(hex(key), value)
      }
    }
    const check = (when: string): void => {
      const seen = new Map([...db.rangeSync()].map(([key, value]) => [hex(key), value]))
      for (const [key, value] of expected) {
        this.summary.stored++
        const found = [seen.get(key), db.getSync(Buffer.from(key, 'hex'))]
        const length = db.sizeOfSync(Buffer.from(key, 'hex'))
        if (
          found.some((each) => each === undefined || Buffer.compare(each, value) !== 0) ||
          length !== value.byteLength
        )
          throw new Violation(
            `${way}, ${when}: the value of ${value.byteLength} B of a key of ${key.length / 2} B is another`,
          )
      }
      if (seen.size !== expected.size)
        throw new Violation(`${way}, ${when}: ${seen.size} entries instead of ${expected.size}`)
    }
    check('right after')
    // As if the process had died: the journal is replayed.
    const left = db
    db = await openSmall(files.crashImage('keepAll', () => 0))
    check('after a crash')
    await db.flush()
    check('after a flush')
    await db.compact()
    check('after a compaction')
    await db.close()
    await left.close()
  }

  async names(): Promise<void> {
    const files = new FaultyFileSystem()
    const good = [
      'a',
      'x'.repeat(254),
      'x'.repeat(255),
      'é'.repeat(127),
      '€'.repeat(85),
      '😀'.repeat(63),
      '../../etc',
      '.',
      '..',
      '/',
      'CON',
      '__proto__',
      'constructor',
      'toString',
      ' ',
      '\n',
      '\uFEFF',
      'LOCK',
      'superblock-a',
      '0000000000000001.wal',
    ]
    const bad = [
      '',
      'x'.repeat(256),
      'é'.repeat(128),
      '€'.repeat(86),
      '😀'.repeat(64),
      '\0',
      'a\0b',
      '\uD800',
      'a\uDC00b',
      '\uDC00\uD800',
      ...Object.values(REFUSED).map((make) => make()),
    ]
    let db = await openSmall(files)
    for (const name of good) {
      this.summary.cases++
      const keyspace = await db.keyspace(name)
      keyspace.putSync('k', name)
    }
    const before = (await files.list()).filter((name) => /etc|CON|proto|LOCK.*wal/.test(name))
    if (before.length > 0) throw new Violation(`a name reached the file system: ${before.join()}`)
    for (const name of bad) {
      const call = (): unknown => db.keyspaceSync(name as string)
      await this.#refused(
        `a keyspace named ${inspect(name, { showProxy: true, breakLength: Infinity })}`,
        call,
      )
      await this.#refused('the same, asynchronously', () => db.keyspace(name as string))
      await this.#refused('a keyspace dropped by it', () => db.dropKeyspaceSync(name as string))
    }
    for (const again of [false, true]) {
      if (again) {
        await db.close()
        db = await openSmall(files)
      }
      const names = db.keyspaces()
      if (names.length !== good.length || !good.every((name) => names.includes(name)))
        throw new Violation(`keyspaces ${names.join()}`)
      for (const name of good) {
        const found = db.keyspaceSync(name).getSync('k')
        if (found === undefined || new TextDecoder('utf-8', { ignoreBOM: true }).decode(found) !== name)
          throw new Violation(`keyspace ${name} holds another's entry`)
      }
    }
    await db.close()
  }

  /** The largest batch, found by halving; one byte more is refused whole. */
  async batches(): Promise<void> {
    const db = await openSmall(new FaultyFileSystem())
    const commit = (lastBytes: number): void => {
      const batch = db.batch()
      for (let i = 0; i < 130; i++) batch.put(`k${i}`, new Uint8Array(32_000))
      batch.put('last', new Uint8Array(lastBytes)).commitSync()
    }
    let [fits, tooMuch] = [0, 32_767]
    while (tooMuch - fits > 1) {
      const middle = (fits + tooMuch) >>> 1
      try {
        commit(middle)
        fits = middle
      } catch (error) {
        if (!(error instanceof RangeError))
          throw new Violation(`a batch is refused by ${String(error)}`, { cause: error })
        tooMuch = middle
      }
    }
    await this.#refused('a batch of one byte too many', () => commit(tooMuch), RangeError)
    commit(fits)
    if (db.sizeOfSync('last') !== fits) throw new Violation('the largest batch is not there')
    await db.close()
  }

  async refusals(): Promise<void> {
    const db = await openSmall(new FaultyFileSystem())
    db.putSync('k', 'v')
    db.putSync('neighbour', 'x'.repeat(1000))
    const before = contents(db)
    for (const [name, make] of Object.entries(REFUSED)) {
      const bad = make() as Uint8Array
      const calls: Record<string, () => unknown> = {
        'putSync(bad, v)': () => db.putSync(bad, 'v'),
        'putSync(k, bad)': () => db.putSync('k', bad),
        'put(bad, v)': () => db.put(bad, 'v'),
        'put(k, bad)': () => db.put('k', bad),
        'deleteSync(bad)': () => db.deleteSync(bad),
        'delete(bad)': () => db.delete(bad),
        'getSync(bad)': () => db.getSync(bad),
        'get(bad)': () => db.get(bad),
        'hasSync(bad)': () => db.hasSync(bad),
        'sizeOfSync(bad)': () => db.sizeOfSync(bad),
        'getManySync([bad])': () => db.getManySync(['k', bad]),
        'batch.put(bad, v)': () => db.batch().put('k', 'w').put(bad, 'v').commitSync(),
        'batch.put(k, bad)': () => db.batch().put('k', 'w').put('l', bad).commitSync(),
        'batch.delete(bad)': () => db.batch().put('k', 'w').delete(bad).commitSync(),
        'write([bad])': () =>
          db.writeSync([
            { type: 'put', key: 'k', value: 'w' },
            { type: 'put', key: bad, value: 'v' },
          ]),
        'dropRangeSync(bad)': () => db.dropRangeSync({ gte: bad }),
      }
      for (const [call, run] of Object.entries(calls)) {
        // An option of undefined is none.
        if (bad === undefined && call.startsWith('dropRange')) continue
        await this.#refused(`${call} with ${name}`, run)
        if (contents(db) !== before)
          throw new Violation(`${call} with ${name} was refused and changed something`)
      }
    }
    await db.close()
  }

  async disguises(): Promise<void> {
    const db = await openSmall(new FaultyFileSystem())
    for (const [name, disguise] of Object.entries(DISGUISED)) {
      for (const length of [5, 40, 64, 65, 1000, 40_000, 200_000]) {
        for (const way of WAYS) {
          this.summary.cases++
          const value = bytesOf(length, length)
          const key = bytesOf(Math.min(length, 60_000), 1 + length)
          db.putSync('canary', bytesOf(3000, 9))
          await put(db, way, disguise(key), disguise(value))
          const found = [
            db.getSync(key),
            db.getSync(disguise(key)),
            [...db.rangeSync({ gte: disguise(key), limit: 1 })][0]?.[1],
          ]
          for (const each of found)
            if (each === undefined || Buffer.compare(each, value) !== 0)
              throw new Violation(`${way}: ${length} bytes ${name} are stored as ${each?.byteLength} others`)
          if (Buffer.compare(db.getSync('canary') ?? new Uint8Array(0), bytesOf(3000, 9)) !== 0)
            throw new Violation(`${way}: ${length} bytes ${name} changed another entry`)
          db.deleteSync(key)
          if (way === 'putSync' && length > 60_000)
            await this.#refused(
              `a key of ${length} bytes ${name}`,
              () => db.getSync(disguise(value)),
              RangeError,
            )
        }
      }
    }
    if ((await db.verify()).problems.length > 0) throw new Violation('verify() finds damage')
    await db.close()
  }

  async options(): Promise<void> {
    const db = await openSmall(new FaultyFileSystem())
    db.putSync('k', 'v')
    const before = contents(db)
    const write: unknown[] = [
      { durabilty: 'sync' },
      { durability: 'none' },
      { durability: 'SYNC' },
      { durability: null },
      { durability: 1 },
      { Durability: 'os' },
      { durability: ['sync'] },
      null,
      'sync',
      1,
      ['sync'],
      true,
    ]
    const ranges: unknown[] = [
      { limit: -2 },
      { limit: NaN },
      { limit: 1.5 },
      { limit: '1' },
      { limit: null },
      { limit: 1n },
      { limit: -Infinity },
      { reverse: 'yes' },
      { reverse: 1 },
      { gte: 5 },
      { lt: null },
      { prefix: {} },
      { Gte: 'a' },
      { snapshot: {} },
      { signal: 'now' },
      { start: 'a' },
      null,
      'a',
      7,
      [],
    ]
    const opens: unknown[] = [
      { memoryLimit: -1 },
      { memoryLimit: NaN },
      { memoryLimit: 2 ** 32 },
      { memoryLimit: 1 },
      { memtableSize: 0 },
      { flushInterval: -1 },
      { stallTimeout: 1.5 },
      { threads: 17 },
      { threads: -1 },
      { recovery: 'best-effort' },
      { compaction: 'fifo' },
      { tables: { blockSize: 0 } },
      { tables: { blockSize: 1e9 } },
      { tables: { bitsPerKey: NaN } },
      { tables: { compression: 'zstd' } },
      { keyEncoding: 'json' },
      { memorylimit: 1 },
    ]
    for (const bad of write as { durability?: 'os' }[]) {
      await this.#refused(`putSync with ${inspect(bad)}`, () => db.putSync('k', 'w', bad), TypeError)
      await this.#refused(`put with ${inspect(bad)}`, () => db.put('k', 'w', bad), TypeError)
      await this.#refused(
        `commit with ${inspect(bad)}`,
        () => db.batch().put('k', 'w').commitSync(bad),
        TypeError,
      )
      await this.#refused(
        `write with ${inspect(bad)}`,
        () => db.writeSync([{ type: 'delete', key: 'k' }], bad),
        TypeError,
      )
    }
    for (const bad of ranges as { limit?: number; gte?: string }[]) {
      await this.#refused(`rangeSync with ${inspect(bad)}`, () => [...db.rangeSync(bad)])
      await this.#refused(`keysSync with ${inspect(bad)}`, () => [...db.keysSync(bad)])
      await this.#refused(`dropRangeSync with ${inspect(bad)}`, () => db.dropRangeSync(bad))
    }
    for (const bad of opens)
      await this.#refused(`open with ${inspect(bad)}`, () => openOn(new FaultyFileSystem(), bad as object))
    for (const bad of [
      undefined,
      null,
      {},
      'a',
      [null],
      [{}],
      [{ type: 'put' }],
      [{ type: 'merge', key: 'k', value: 'v' }],
      [{ type: 'put', key: 'k', value: 'v', keyspace: 'users' }],
    ]) {
      await this.#refused(`writeSync(${inspect(bad)})`, () => db.writeSync(bad as []), TypeError)
    }
    for (const bad of ['none', 'disk', '', null, 5])
      await this.#refused(`persistSync(${inspect(bad)})`, () => db.persistSync(bad as 'os'), TypeError)
    if (contents(db) !== before) throw new Violation('options that were refused changed something')
    await db.close()
  }

  /** What callers do with their bytes afterwards, and with those they get, is their own business. */
  async mutations(): Promise<void> {
    const db = await openSmall(new FaultyFileSystem())
    for (const way of WAYS) {
      for (const length of [3, 64, 100, 5000, 40_000, 300_000]) {
        this.summary.cases++
        const key = bytesOf(Math.min(length, 1000), length)
        const value = bytesOf(length, length)
        const [k, v] = [key.slice(), value.slice()]
        const done = put(db, way, k, v)
        k.fill(0)
        v.fill(0)
        await done
        const expect = (when: string): void => {
          const found = db.getSync(key)
          if (found === undefined || Buffer.compare(found, value) !== 0)
            throw new Violation(`${way}, ${length} B: ${when} changed what is stored`)
          found.fill(1)
        }
        expect('the caller')
        expect('a value that was handed out')
        for (const [seenKey, seenValue] of db.rangeSync({ gte: key, limit: 1 })) {
          seenKey.fill(2)
          seenValue.fill(2)
        }
        ;(await db.get(key))?.fill(3)
        db.getManySync([key])[0]?.fill(4)
        expect('a value of a range, a get or a getMany')
        await db.flush()
        expect('a flush')
        expect('a value read from a table')
      }
    }
    const bound = new TextEncoder().encode('bound')
    const range = db.rangeSync({ gte: bound })
    bound.fill(0xff)
    if ([...range].length !== [...db.rangeSync({ gte: 'bound' })].length)
      throw new Violation('a bound that changed moved the range')
    await db.close()
  }

  /** A real disk that takes no more: a short write, and then EFBIG. */
  async fileSizeLimits(patches: readonly Patch[]): Promise<void> {
    const folder = mkdtempSync(join(tmpdir(), 'varve-limits-'))
    const suffix = patches.length === 0 ? '' : `-patched-${process.pid}`
    const place = `build/torture/limits/child${suffix}.mjs`
    try {
      const child = await bundleWithEngine('test/torture/limits/limited-child.ts', place, patches)
      for (const [blocks, durability, way] of [
        [64, 'os', 'sync'],
        [100, 'sync', 'batch'],
        [37, 'os', 'batch'],
        [137, 'os', 'batch'],
        [200, 'buffered', 'sync'],
      ] as const) {
        this.summary.cases++
        this.summary.processes++
        await this.#limitedProcess(join(folder, `db-${blocks}`), child, blocks, durability, way)
      }
    } finally {
      rmSync(folder, { recursive: true, force: true })
      if (patches.length > 0) rmSync(join(root, place), { force: true })
    }
  }

  /** `blocks`: of 512 or 1,024 bytes, as the shell counts. */
  async #limitedProcess(
    directory: string,
    child: string,
    blocks: number,
    durability: string,
    way: string,
  ): Promise<void> {
    const { stdout, stderr, status } = spawnSync(
      'sh',
      ['-c', `ulimit -f ${blocks} && exec "$0" "$@"`, process.execPath, child, directory, durability, way],
      { encoding: 'utf8' },
    )
    const what = `ulimit -f ${blocks}, ${durability}, ${way}`
    if (status !== 0) throw new Violation(`${what}: the process ended with ${status}: ${stderr}`)
    const { acknowledged, codes, readable, closed } = JSON.parse(stdout) as {
      acknowledged: number
      codes: string[]
      readable: boolean
      closed: string
    }
    if (codes.length === 0) throw new Violation(`${what}: the limit was never met`)
    if (codes.some((code) => code !== 'DISK_FULL')) throw new Violation(`${what}: ${codes.join()}`)
    if (!readable) throw new Violation(`${what}: what was acknowledged cannot be read`)
    if (closed !== 'ok' && closed !== 'DISK_FULL') throw new Violation(`${what}: close() says ${closed}`)
    this.summary.refused += codes.length
    const db = await open(directory, {
      keyEncoding: 'utf8',
      valueEncoding: 'utf8',
      memoryLimit: MEMORY_LIMIT_BYTES,
      threads: 0,
    })
    try {
      const count = db.countSync({ prefix: 'key ' })
      // Close could not hand over what was only buffered.
      const least = durability === 'buffered' && closed !== 'ok' ? 0 : acknowledged
      if (count < least || count > acknowledged)
        throw new Violation(`${what}: ${acknowledged} were acknowledged, ${count} are there`)
      for (let i = 0; i < count; i++) {
        if (db.getSync(`key ${i}`)?.startsWith(`${i} `) !== true)
          throw new Violation(`${what}: key ${i} is missing`)
      }
      if (way === 'batch' && count > 0 && db.getSync('last') !== `${count - 1}`)
        throw new Violation(`${what}: half a batch`)
      db.putSync('after', 'v')
    } finally {
      await db.close()
    }
  }

  async #refused(
    what: string,
    call: () => unknown,
    type?: typeof RangeError | typeof TypeError,
  ): Promise<void> {
    this.summary.cases++
    try {
      await call()
    } catch (error) {
      const isTyped = error instanceof TypeError || error instanceof RangeError || error instanceof VarveError
      // NOTE: an engine's own words are no help to whoever made the mistake.
      const isOurs =
        error instanceof Error &&
        !/^(Cannot (read|convert|mix|perform)|Invalid|.* is not (a function|iterable))/.test(error.message)
      if (isTyped && isOurs && (type === undefined || error instanceof type)) {
        this.summary.refused++
        return
      }
      throw new Violation(`${what} is refused by ${String(error)}`, { cause: error })
    }
    throw new Violation(`${what} is accepted`)
  }
}

function openSmall(files: FaultyFileSystem): Promise<SubjectDatabase> {
  return openOn(files, { memoryLimit: MEMORY_LIMIT_BYTES, memtableSize: 262_144, threads: 0 })
}

async function put(db: SubjectDatabase, way: Way, key: Uint8Array, value: Uint8Array): Promise<void> {
  if (way === 'putSync') db.putSync(key, value)
  else if (way === 'put') await db.put(key, value)
  else if (way === 'batch') await db.batch().put(key, value).commit()
  else await db.write([{ type: 'put', key, value }])
}

function bytesOf(length: number, seed: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, (_, i) => (i * 31 + seed * 7 + (i >>> 8)) & 255)
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')
}

function contents(db: SubjectDatabase): string {
  return [...db.rangeSync()].map(([key, value]) => `${hex(key)}=${hex(value)}`).join()
}
