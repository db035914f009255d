import { describe, expect, it } from 'vitest'
import { openOn } from '../../src/api/open.ts'
import type { OpenOptions } from '../../src/api/types.ts'
import { memoryFileSystem } from '../../src/fs/memory.ts'
import { expectCode, openBytes, openText, SMALL_MEMORY } from './support.ts'

/** Options as a caller without types might pass them. */
function openWith(options: unknown): Promise<unknown> {
  return openOn(memoryFileSystem(), options as OpenOptions<'bytes', 'bytes'>)
}

describe('options of open', () => {
  it.each([
    [null, TypeError],
    ['text', TypeError],
    [[], TypeError],
    [{ memorylimit: 1 }, TypeError],
    [{ createIfMissing: 'yes' }, TypeError],
    [{ durability: 'always' }, TypeError],
    [{ durability: 1 }, TypeError],
    [{ memoryLimit: '256' }, TypeError],
    [{ memoryLimit: Number.NaN }, RangeError],
    [{ memoryLimit: -1 }, RangeError],
    [{ memoryLimit: 1.5 }, RangeError],
    [{ memoryLimit: SMALL_MEMORY - 1 }, RangeError],
    [{ memoryLimit: 4294967296 }, RangeError],
    [{ memtableSize: 0 }, RangeError],
    [{ flushInterval: -1 }, RangeError],
    [{ stallTimeout: Infinity }, RangeError],
    [{ recovery: 'repair' }, TypeError],
    [{ threads: -1 }, RangeError],
    [{ threads: 1.5 }, RangeError],
    [{ keyEncoding: 'json' }, TypeError],
    [{ keyEncoding: 'latin1' }, TypeError],
    [{ valueEncoding: {} }, TypeError],
    [{ valueEncoding: { encode: 1, decode: 2 } }, TypeError],
  ])('%j is refused before anything is created', async (options, kind) => {
    const fileSystem = memoryFileSystem()
    await expect(openOn(fileSystem, options as OpenOptions<'bytes', 'bytes'>)).rejects.toThrow(kind)
    await fileSystem.prepare(true)
    expect(await fileSystem.list()).toEqual([])
  })

  it('ignores what somebody put on Object.prototype, and inherited options', async () => {
    const prototype = Object.prototype as { durability?: string }
    prototype.durability = 'none'
    try {
      const db = await openBytes()
      expect(db.stats().journals).toBe(1)
      await db.close()
    } finally {
      delete prototype.durability
    }
    const inherited: unknown = Object.create({ createIfMissing: false })
    const db = (await openWith(inherited)) as { close(): Promise<void> }
    await db.close()
  })

  it('calls a getter once', async () => {
    let calls = 0
    const options = {
      get memoryLimit() {
        calls++
        return SMALL_MEMORY
      },
    }
    const db = (await openWith(options)) as { close(): Promise<void> }
    await db.close()
    expect(calls).toBe(1)
  })
})

describe('keys, values and names', () => {
  it('refuses what is neither string nor bytes, saying which argument', async () => {
    const db = await openBytes()
    for (const bad of [
      undefined,
      null,
      1,
      1n,
      true,
      {},
      [],
      new ArrayBuffer(4),
      new Uint16Array(2),
      new Date(0),
      () => 1,
    ]) {
      const key = bad as string
      expect(() => db.putSync(key, 'v')).toThrow(/^key must be/)
      expect(() => db.putSync('k', key)).toThrow(/^value must be/)
      expect(() => db.getSync(key)).toThrow(/^key must be/)
      expect(() => db.deleteSync(key)).toThrow(/^key must be/)
      await expect(db.get(key)).rejects.toThrow(TypeError)
      await expect(db.getMany([key])).rejects.toThrow(/^keys\[0\]/)
    }
    expect([...db.keysSync()]).toEqual([])
    await db.close()
  })

  it('takes a key of 65,535 bytes and no longer one, as bytes and as text of wide characters', async () => {
    const db = await openBytes()
    const longest = new Uint8Array(65_535).fill(7)
    db.putSync(longest, 'x')
    expect(db.hasSync(longest)).toBe(true)
    const wide = '€'.repeat(21_845)
    db.putSync(wide, 'wide')
    expect(db.hasSync(wide)).toBe(true)
    for (const key of [new Uint8Array(65_536), wide + 'a']) {
      expect(() => db.putSync(key, 'x')).toThrow(RangeError)
      expect(() => db.put(key, 'x')).toThrow(RangeError)
      expect(() => db.getSync(key)).toThrow(RangeError)
      expect(() => db.batch().delete(key)).toThrow(RangeError)
      expect(() => db.rangeSync({ gte: key })).toThrow(RangeError)
    }
    await db.flush()
    expect([...db.keysSync()].map((key) => key.length)).toEqual([65_535, 65_535])
    await db.close()
  })

  it('takes a value of memoryLimit / 16 and no longer one', async () => {
    const db = await openBytes()
    const limit = SMALL_MEMORY / 16
    db.putSync('k', new Uint8Array(limit).fill(1))
    expect(() => db.putSync('k', new Uint8Array(limit + 1))).toThrow(RangeError)
    expect(() => db.put('k', new Uint8Array(limit + 1))).toThrow(RangeError)
    expect(() => db.batch().put('k', new Uint8Array(limit + 1))).toThrow(RangeError)
    expect(db.getSync('k')).toEqual(new Uint8Array(limit).fill(1))
    await db.close()
  })

  it('refuses a batch over memoryLimit / 4 whole', async () => {
    const db = await openBytes()
    const batch = db.batch()
    for (let i = 0; i < 300; i++) batch.put(`k${i}`, new Uint8Array(16_000))
    await expect(batch.commit()).rejects.toThrow(RangeError)
    expect([...db.keysSync()]).toEqual([])
    db.putSync('k', 'v')
    await db.close()
  })

  it('takes batches up to the limit one after the other in the smallest memory', async () => {
    const db = await openBytes({ durability: 'none' })
    for (let round = 0; round < 12; round++) {
      const batch = db.batch()
      for (let i = 0; i < 250; i++) batch.put(`k${i}`, new Uint8Array(16_000).fill(round))
      batch.commitSync()
      expect(db.getSync('k249')).toEqual(new Uint8Array(16_000).fill(round))
    }
    await db.close()
  })

  it.each([
    [undefined, TypeError],
    [1, TypeError],
    ['', RangeError],
    ['a'.repeat(256), RangeError],
    ['é'.repeat(128), RangeError],
    ['a\0b', TypeError],
    ['\ud800', TypeError],
    ['a\udc00', TypeError],
  ])('refuses the keyspace name %j', async (name, kind) => {
    const db = await openBytes()
    expect(() => db.keyspaceSync(name as string)).toThrow(kind)
    await expect(db.dropKeyspace(name as string)).rejects.toThrow(kind)
    expect(db.keyspaces()).toEqual([])
    await db.close()
  })

  it('takes names that would be dangerous as paths, and keeps them out of the file system', async () => {
    const fileSystem = memoryFileSystem()
    const db = await openBytes({}, fileSystem)
    const names = ['../../etc/passwd', 'CON', 'a/b', '.', '__proto__', '😀', 'a'.repeat(255)]
    for (const name of names) db.keyspaceSync(name).putSync('k', name)
    await db.flush()
    for (const file of await fileSystem.list())
      expect(file).toMatch(/^([0-9a-f]{16}\.(wal|sst|man)|superblock-[ab])$/)
    for (const name of names)
      expect(Buffer.from(db.keyspaceSync(name).getSync('k') ?? []).toString()).toBe(name)
    await db.close()
  })

  it.each([
    [{ limit: '1' }, TypeError],
    [{ limit: 1.5 }, RangeError],
    [{ limit: -2 }, RangeError],
    [{ reverse: 1 }, TypeError],
    [{ gte: 1 }, TypeError],
    [{ start: 'a' }, TypeError],
    [{ snapshot: {} }, TypeError],
    [{ signal: {} }, TypeError],
    ['a', TypeError],
  ])('refuses the range options %j', async (options, kind) => {
    const db = await openBytes()
    expect(() => db.range(options as object)).toThrow(kind)
    await db.close()
  })

  it('refuses keyspaces and snapshots of another database, closed snapshots, dropped keyspaces', async () => {
    const db = await openText()
    const other = await openText()
    const theirs = other.keyspaceSync('x', { keyEncoding: 'utf8' })
    expect(() => db.batch().put(theirs, 'k', 'v')).toThrow(TypeError)
    const snapshot = other.snapshot()
    expect(() => db.getSync('k', { snapshot })).toThrow(TypeError)
    expect(() => db.at(snapshot)).toThrow(TypeError)
    snapshot.close()
    await expectCode('CLOSED', () => snapshot.get('k'))
    await expectCode('CLOSED', () => other.getSync('k', { snapshot }))
    const ours = db.keyspaceSync('x', { keyEncoding: 'utf8', valueEncoding: 'utf8' })
    ours.putSync('k', 'v')
    const range = ours.rangeSync()
    db.dropKeyspaceSync('x')
    await expectCode('NOT_FOUND', () => ours.getSync('k'))
    await expectCode('NOT_FOUND', () => ours.putSync('k', 'v'))
    await expectCode('NOT_FOUND', () => ours.flush())
    await expectCode('NOT_FOUND', () => range.next())
    await expectCode('NOT_FOUND', () => db.dropKeyspace('x'))
    const again = db.keyspaceSync('x', { keyEncoding: 'utf8' })
    expect([...again.keysSync()]).toEqual([])
    await db.close()
    await other.close()
  })

  it('does not promise what a database without a journal cannot keep', async () => {
    const db = await openBytes({ durability: 'none' })
    expect(() => db.putSync('k', 'v', { durability: 'sync' })).toThrow(TypeError)
    expect(() => db.put('k', 'v', { durability: 'os' })).toThrow(TypeError)
    // @ts-expect-error none exists at open only
    expect(() => db.putSync('k', 'v', { durability: 'none' })).toThrow(TypeError)
    // @ts-expect-error a typo
    expect(() => db.putSync('k', 'v', { sync: true })).toThrow(TypeError)
    await db.close()
  })
})

describe('a memory that cannot be reserved', () => {
  it('is NO_MEMORY naming memoryLimit, and leaves the directory free', async () => {
    const fileSystem = memoryFileSystem()
    const { Memory } = WebAssembly
    WebAssembly.Memory = class {
      constructor() {
        throw new RangeError('could not allocate memory')
      }
    } as unknown as typeof Memory
    try {
      const error = await expectCode('NO_MEMORY', () => openOn(fileSystem, { memoryLimit: 3 * 1073741824 }))
      expect(error.message).toContain('memoryLimit')
    } finally {
      WebAssembly.Memory = Memory
    }
    const db = await openBytes({}, fileSystem)
    await db.close()
  })
})
