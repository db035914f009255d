// What abstract-level's suite does not ask: what is varve's own behind its interface.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { open, VarveError } from '../../src/index.ts'
import { nodeFileSystem } from '../../src/fs/node.ts'
import { readFrames } from '../../src/journal/reader.ts'
import { scanJournal } from '../../src/journal/scan.ts'
import { Kernel } from '../../src/kernel/kernel.ts'
import { VarveLevel, type DatabaseOptions } from '../../src/level/index.ts'

let directory = ''
const opened: VarveLevel[] = []

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'varve-level-'))
})

afterEach(async () => {
  for (const level of opened.splice(0)) await level.close()
  rmSync(directory, { recursive: true, force: true })
})

function level(options?: DatabaseOptions<string, string>, name = 'db'): VarveLevel {
  const made = new VarveLevel(join(directory, name), options)
  opened.push(made)
  return made
}

async function filled(entries: number): Promise<VarveLevel> {
  const db = level()
  await db.open()
  for (let at = 0; at < entries; at += 1000) {
    const batch = db.batch()
    for (let i = at; i < Math.min(at + 1000, entries); i++) batch.put(key(i), `value ${i}`)
    await batch.write()
  }
  return db
}

function key(i: number): string {
  return String(i).padStart(8, '0')
}

/** The number of entries of each record of the journal. */
async function framesOf(location: string): Promise<number[]> {
  const kernel = Kernel.create(16 << 20, new Uint8Array(8))
  const name = readdirSync(location).find((file) => file.endsWith('.wal')) ?? ''
  const file = await nodeFileSystem(location).open(name, false)
  try {
    return [...readFrames(kernel, file, scanJournal(kernel, file, undefined).validLength, 1 << 20)].map(
      ({ count }) => count,
    )
  } finally {
    file.close()
    kernel.release()
  }
}

/** What a promise was rejected with. */
async function failure(
  promise: Promise<unknown>,
): Promise<{ code: unknown; cause: { code: unknown; cause: unknown } }> {
  try {
    await promise
  } catch (error) {
    return error as { code: unknown; cause: { code: unknown; cause: unknown } }
  }
  throw new Error('it did not fail')
}

describe('opening', () => {
  test('creates the directory with its parents, unless it is not to', async () => {
    const db = level({}, 'a/b/c')
    await db.put('k', 'v')
    expect(await db.get('k')).toBe('v')
    const none = await failure(level({ createIfMissing: false }, 'x/y').open())
    expect(none).toMatchObject({
      code: 'LEVEL_DATABASE_NOT_OPEN',
      cause: { code: 'LEVEL_DATABASE_NOT_FOUND' },
    })
    expect(readdirSync(directory)).toEqual(['a'])
  })

  test('an open database is LEVEL_LOCKED, caused by LOCKED', async () => {
    await level().open()
    const locked = await failure(level().open())
    expect(locked).toMatchObject({ code: 'LEVEL_DATABASE_NOT_OPEN', cause: { code: 'LEVEL_LOCKED' } })
    expect(locked.cause.cause).toBeInstanceOf(VarveError)
    expect(locked.cause.cause).toMatchObject({ code: 'LOCKED' })
  })

  test('a damaged file is LEVEL_CORRUPTION, caused by CORRUPT with its name', async () => {
    const db = level()
    await db.put('k', 'v')
    await db.close()
    const file = readdirSync(db.location).find((name) => name.endsWith('.man')) ?? ''
    const bytes = readFileSync(join(db.location, file))
    bytes[100] = (bytes[100] ?? 0) ^ 1
    writeFileSync(join(db.location, file), bytes)
    const corrupt = await failure(level().open())
    expect(corrupt.cause).toMatchObject({ code: 'LEVEL_CORRUPTION', cause: { code: 'CORRUPT', file } })
  })

  test('options of varve and of classic-level are heeded, those that mean nothing here are not minded', async () => {
    const db = level({
      memoryLimit: 32 << 20,
      writeBufferSize: 65536,
      blockSize: 1024,
      compression: false,
      maxOpenFiles: 10,
      multithreading: true,
      cacheSize: 1 << 20,
    })
    for (let i = 0; i < 2000; i++) await db.put(key(i), 'x'.repeat(100))
    await db.compactRange('', '\xff')
    expect(Number(db.getProperty('leveldb.approximate-memory-usage'))).toBeLessThan(32 << 20)
    await db.close()
    const wrong = await failure(level({ memoryLimit: 1 }).open())
    expect(wrong.cause).toBeInstanceOf(RangeError)
  })

  test('closed, it can be opened again', async () => {
    const db = level()
    await db.put('k', 'v')
    await db.close()
    expect(await failure(db.get('k'))).toMatchObject({ code: 'LEVEL_DATABASE_NOT_OPEN' })
    await db.open()
    expect(db.getSync('k')).toBe('v')
  })

  test('what it wrote is the default keyspace as bytes, and the other way round', async () => {
    const db = new VarveLevel<string, unknown>(join(directory, 'db'), { valueEncoding: 'json' })
    await db.put('ä', { born: 1815 })
    await db.close()
    const raw = await open(db.location, { keyEncoding: 'utf8', valueEncoding: 'json' })
    expect(raw.getSync('ä')).toEqual({ born: 1815 })
    raw.putSync('ö', [1, 2])
    await raw.close()
    await db.open()
    expect(await db.getMany(['ä', 'ö', 'ü'])).toEqual([{ born: 1815 }, [1, 2], undefined])
    await db.close()
  })

  test(
    'a thousand opens and closes leave no descriptor, no thread and no memory behind',
    { timeout: 120_000 },
    async () => {
      const cycle = async (): Promise<void> => {
        const db = new VarveLevel(join(directory, 'many'))
        await db.put('k', 'v')
        for await (const entry of db.iterator()) expect(entry).toEqual(['k', 'v'])
        await db.close()
      }
      const held = (): number[] => ['fd', 'task'].map((what) => readdirSync(`/proc/self/${what}`).length)
      for (let i = 0; i < 50; i++) await cycle()
      const [descriptors = 0, threads = 0] = held()
      const residentBytes = process.memoryUsage().rss
      for (let i = 0; i < 1000; i++) await cycle()
      const [descriptorsAfter = 0, threadsAfter = 0] = held()
      expect(descriptorsAfter).toBeLessThanOrEqual(descriptors + 2)
      expect(threadsAfter).toBeLessThanOrEqual(threads + 1)
      expect(process.memoryUsage().rss - residentBytes).toBeLessThan(64 << 20)
    },
  )
})

describe('writing', () => {
  test('a batch is one record of the journal, an array or a chain, sublevels included', async () => {
    const db = level()
    const users = db.sublevel('users')
    await db.batch([
      { type: 'put', key: 'a', value: '1' },
      { type: 'put', key: 'b', value: '2', sublevel: users },
      { type: 'del', key: 'c' },
    ])
    await db.batch().put('d', '4').put('e', '5', { sublevel: users }).write()
    await db.close()
    const raw = await open(db.location)
    expect(raw.countSync({ prefix: '!users!' })).toBe(2)
    await raw.close()
    expect(await framesOf(db.location)).toEqual([3, 2])
  })

  test('sync makes it durable', async () => {
    const db = level()
    await db.put('a', '1', { sync: true })
    await db.batch([{ type: 'put', key: 'b', value: '2' }], { sync: true })
    await db.del('a', { sync: true })
    expect(await db.getMany(['a', 'b'])).toEqual([undefined, '2'])
  })

  test('many writes of one turn that fail are told so one by one, and nothing is unhandled', async () => {
    const db = level({ memoryLimit: 16 << 20 })
    await db.open()
    const huge = 'x'.repeat(2 << 20)
    const results = await Promise.allSettled([db.put('a', huge), db.put('b', 'small'), db.put('c', huge)])
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'rejected'])
    expect((results[0] as PromiseRejectedResult).reason).toBeInstanceOf(RangeError)
    expect(await db.get('b')).toBe('small')
  })
})

describe('reading what is on disk only', () => {
  /** Entries in tables of which no block is in memory. */
  async function cold(): Promise<VarveLevel> {
    const db = await filled(5000)
    await db.compactRange(key(0), key(4999))
    await db.close()
    const again = level()
    await again.open()
    return again
  }

  interface Steps {
    _next(): unknown
  }
  const format = { keyEncoding: 'utf8', valueEncoding: 'utf8' } as const

  test('waits for no file on the calling thread, and comes at once when it is in memory', async () => {
    for (const read of [
      (db: VarveLevel): unknown => db._get(key(7), format),
      (db: VarveLevel): unknown => db._getMany([key(7), key(4000)], format),
      (db: VarveLevel): unknown => (db.iterator() as unknown as Steps)._next(),
      (db: VarveLevel): unknown => (db.keys({ gt: key(100) }) as unknown as Steps)._next(),
    ]) {
      const db = await cold()
      const first = read(db)
      expect(first).toBeInstanceOf(Promise)
      const found = await first
      expect(JSON.stringify(found)).toMatch(/value|0000/)
      const second = read(db)
      expect(second).not.toBeInstanceOf(Promise)
      expect(second).toEqual(found)
      await db.close()
    }
  })

  test('gives what it gives from memory, by every read', async () => {
    const db = await cold()
    expect(await db.has(key(3))).toBe(true)
    expect(await db.hasMany([key(3), 'x', key(4999)])).toEqual([true, false, true])
    expect(await db.getMany([key(9), 'x'])).toEqual(['value 9', undefined])
    const entries = await db.iterator({ gte: key(1000), lt: key(4000) }).all()
    expect(entries.length).toBe(3000)
    expect(entries[2999]).toEqual([key(3999), 'value 3999'])
    const keys: string[] = []
    for await (const each of db.keys({ reverse: true, limit: 2500 })) keys.push(each)
    expect(keys.length).toBe(2500)
    expect(keys.at(-1)).toBe(key(2500))
  })
})

describe('iterating', () => {
  test('others have their turns while many entries are read', async () => {
    const db = await filled(200_000)
    let turns = 0
    const timer = setInterval(() => turns++, 1)
    try {
      for await (const [, value] of db.iterator()) if (value === '') throw new Error('empty')
      expect(turns).toBeGreaterThan(3)
      turns = 0
      expect(await db.iterator().all()).toHaveLength(200_000)
      expect(turns).toBeGreaterThan(1)
    } finally {
      clearInterval(timer)
    }
  })

  test('a signal ends a long read in the middle', async () => {
    const db = await filled(200_000)
    const controller = new AbortController()
    setTimeout(() => controller.abort(), 5)
    const all = db.iterator({ signal: controller.signal }).all()
    expect(await failure(all)).toMatchObject({ code: 'LEVEL_ABORTED', name: 'AbortError' })
  })

  test('an iterator sees the moment it was made in, also after its end, a compaction and a seek', async () => {
    const db = await filled(3000)
    const iterator = db.iterator({ keys: true, limit: 5000 })
    await db.batch().put(key(1), 'changed').del(key(2)).put(key(9999), 'new').write()
    expect(await iterator.nextv(3001)).toHaveLength(3000)
    expect(await iterator.next()).toBeUndefined()
    await db.clear({ lt: key(2000) })
    await db.compactRange('', '~')
    iterator.seek(key(1))
    expect(await iterator.nextv(2)).toEqual([
      [key(1), 'value 1'],
      [key(2), 'value 2'],
    ])
    await iterator.close()
    expect(await db.keys({ limit: 2 }).all()).toEqual([key(2000), key(2001)])
  })

  test('seeks go by the order of bytes, within the range', async () => {
    const db = level()
    // U+FFFD comes before U+1F600 in UTF-8, and after its first half in UTF-16.
    const keys = ['a', 'z', '\ufffd', '\u{1f600}']
    await db.batch(keys.map((name) => ({ type: 'put', key: name, value: name })))
    expect(await db.keys().all()).toEqual(keys)
    const forwards = db.keys({ gt: 'a', lt: '\u{1f600}' })
    forwards.seek('\ufffd')
    expect(await forwards.next()).toBe('\ufffd')
    forwards.seek('\u{1f600}')
    expect(await forwards.next()).toBeUndefined()
    forwards.seek('a')
    expect(await forwards.next()).toBeUndefined()
    await forwards.close()
    const backwards = db.keys({ reverse: true, lte: '\u{1f600}' })
    backwards.seek('\u{1f5ff}')
    expect(await backwards.nextv(2)).toEqual(['\ufffd', 'z'])
    await backwards.close()
  })

  test('keys or values can be left out', async () => {
    const db = level()
    await db.put('a', '1')
    expect(await db.iterator({ values: false }).all()).toEqual([['a', undefined]])
    expect(await db.iterator({ keys: false }).all()).toEqual([[undefined, '1']])
    expect(await db.iterator({ keys: false, values: false }).all()).toEqual([[undefined, undefined]])
  })

  test('a snapshot of another database is a TypeError, a closed one LEVEL_SNAPSHOT_NOT_OPEN', async () => {
    const db = level()
    const other = level({}, 'other')
    await Promise.all([db.open(), other.open()])
    const snapshot = other.snapshot()
    expect(await failure(db.get('a', { snapshot }))).toBeInstanceOf(TypeError)
    await snapshot.close()
    expect(await failure(other.get('a', { snapshot }))).toMatchObject({ code: 'LEVEL_SNAPSHOT_NOT_OPEN' })
  })
})

describe('clearing', () => {
  test.each([
    ['a small range', 3000, 500],
    ['one that is dropped as a whole', 300_000, 270_000],
  ])('%s: what is written after the call stays', { timeout: 60_000 }, async (_name, entries, end) => {
    const db = await filled(entries)
    await db.compactRange('', '~')
    const cleared = db.clear({ gte: key(100), lt: key(end) })
    const written = db.put(key(200), 'after')
    await Promise.all([cleared, written])
    expect(await db.keys({ gte: key(99), limit: 3 }).all()).toEqual([key(99), key(200), key(end)])
    expect(await db.get(key(200))).toBe('after')
  })

  test('as of a snapshot only what it sees goes, with a limit only so many', async () => {
    const db = await filled(10)
    const snapshot = db.snapshot()
    await db.put(key(5.5), 'later')
    await db.clear({ snapshot, gte: key(3) })
    expect(await db.keys().all()).toEqual([key(0), key(1), key(2), key(5.5)])
    await db.clear({ limit: 2, reverse: true })
    expect(await db.keys().all()).toEqual([key(0), key(1)])
    await snapshot.close()
  })
})

describe('what classic-level has beyond abstract-level', () => {
  test('approximateSize, compactRange and getProperty', async () => {
    const db = await filled(20_000)
    await db.compactRange(key(0), key(30_000))
    const whole = await db.approximateSize(key(0), key(20_000))
    const half = await db.approximateSize(key(0), key(10_000))
    expect(whole).toBeGreaterThan(100_000)
    expect(half / whole).toBeGreaterThan(0.4)
    expect(half / whole).toBeLessThan(0.6)
    const files = [0, 1, 2, 3, 4, 5, 6].map((n) => Number(db.getProperty(`leveldb.num-files-at-level${n}`)))
    expect(files.reduce((a, b) => a + b)).toBeGreaterThan(0)
    expect(db.getProperty('leveldb.stats')).toMatch(/Level +Files/)
    expect(db.getProperty('leveldb.unknown')).toBe('')
    expect(db.getProperty('leveldb.num-files-at-level7')).toBe('')
    expect(db.getProperty('other')).toBe('')
    expect(() => db.getProperty(1 as unknown as string)).toThrow(TypeError)
  })

  test('they wait for the database to open, and refuse when it is closed', async () => {
    const db = level()
    expect(await db.approximateSize('a', 'b')).toBe(0)
    await db.compactRange('a', 'b')
    expect(await failure(db.approximateSize('a', undefined as unknown as string))).toBeInstanceOf(TypeError)
    await db.close()
    expect(await failure(db.approximateSize('a', 'b'))).toMatchObject({ code: 'LEVEL_DATABASE_NOT_OPEN' })
    expect(() => db.getProperty('leveldb.stats')).toThrow(/not open/)
  })
})

test('the built package is imported and required alike', () => {
  const program = `
    const { VarveLevel } = require('./dist/level.js')
    import('./dist/level.js').then((module) => console.log(module.VarveLevel === VarveLevel))
  `
  const output = execFileSync(
    process.execPath,
    ['--experimental-require-module', '--no-warnings', '-e', program],
    {
      cwd: join(import.meta.dirname, '../..'),
      encoding: 'utf8',
    },
  )
  expect(output.trim()).toBe('true')
})
