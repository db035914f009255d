/** What verify() finds in superblock, manifest and journals, and what it must not take for damage: what others write meanwhile. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { openOn } from '../../src/api/open.ts'
import { journalFileName } from '../../src/fs/file-names.ts'
import type { Kernel } from '../../src/kernel/kernel.ts'
import { Slices } from '../../src/verify/slices.ts'
import { expectCode, openText, SMALL_MEMORY, type TextDatabase } from '../api/support.ts'
import { engineOf, filesEnding, keeperOf, turn } from '../integration/regressions/support.ts'
import { FaultyFileSystem } from '../support/faulty.ts'

/** A table, and a journal with frames. */
async function filled(): Promise<{ db: TextDatabase; fileSystem: FaultyFileSystem }> {
  const fileSystem = new FaultyFileSystem()
  const db = await openText(fileSystem)
  for (let i = 0; i < 300; i++) db.putSync(`key ${i}`, `old ${i}`)
  db.flushSync()
  for (let i = 0; i < 300; i++) db.putSync(`key ${i}`, `new ${i}`)
  return { db, fileSystem }
}

/** The memory may be another database's from now on. */
function forbidUse(kernel: Kernel): void {
  Object.defineProperty(kernel, 'exports', {
    get: () => {
      throw new Error('the memory of a closed database is used')
    },
  })
}

const only = (fileSystem: FaultyFileSystem, extension: string): string => {
  const [name, ...more] = filesEnding(fileSystem, extension)
  if (name === undefined || more.length > 0) throw new Error(`not one ${extension}`)
  return name
}

describe('verify names what is not that of the open database', () => {
  test.each(['.man', '.wal', '.sst', 'superblock-a', 'superblock-b'])('a missing %s', async (extension) => {
    const { db, fileSystem } = await filled()
    const name = only(fileSystem, extension)
    fileSystem.dropFile(name)
    expect((await db.verify()).problems).toMatchObject([{ code: 'MISSING_FILE', file: name }])
    await db.close().catch(() => undefined)
  })

  test('both superblocks missing, or damaged', async () => {
    const { db, fileSystem } = await filled()
    for (const name of ['superblock-a', 'superblock-b']) fileSystem.flipBits(name, 20)
    expect((await db.verify()).problems).toMatchObject([{ code: 'CORRUPT', file: 'superblock-a' }])
    for (const name of ['superblock-a', 'superblock-b']) fileSystem.dropFile(name)
    expect((await db.verify()).problems).toMatchObject([{ code: 'MISSING_FILE', file: 'superblock-a' }])
    await db.close().catch(() => undefined)
  })

  test.each(['.wal', '.sst'])('a whole %s of another database', async (extension) => {
    const { db, fileSystem } = await filled()
    const theirs = await filled()
    const name = only(fileSystem, extension)
    const bytes = theirs.fileSystem.snapshotFiles().get(only(theirs.fileSystem, extension)) as Uint8Array
    // Another file under the name: who has the old one open does not see it.
    fileSystem.dropFile(name)
    fileSystem.putFile(name, bytes)
    expect((await db.verify()).problems).toMatchObject([{ code: 'CORRUPT', file: name }])
    await db.close()
    await theirs.db.close()
  })

  test.each(['.man', '.wal', '.sst', 'superblock-a'])(
    'a %s that cannot be read, and goes on',
    async (ending) => {
      const { db, fileSystem } = await filled()
      const name = only(fileSystem, ending)
      fileSystem.onOperation = (_index, kind, each) =>
        kind === 'read' && each === name ? { error: 'EIO' } : 'continue'
      const report = await db.verify()
      expect(new Set(report.problems.map(({ code, file }) => `${code} ${file}`))).toEqual(
        new Set([`IO ${name}`]),
      )
      expect(report.tables).toBe(1)
      fileSystem.onOperation = undefined
      expect((await db.verify()).problems).toEqual([])
      await db.close()
    },
  )

  test('superblock and manifest of another database', async () => {
    const { db, fileSystem } = await filled()
    const theirs = await filled()
    for (const [name, bytes] of theirs.fileSystem.snapshotFiles()) {
      if (/^superblock|\.man$/.test(name)) fileSystem.putFile(name, bytes)
    }
    const [problem, ...more] = (await db.verify()).problems
    expect(problem).toMatchObject({ code: 'CORRUPT', offset: 16 })
    expect(more).toEqual([])
    await db.close()
    await theirs.db.close()
  })

  test('superblock and manifest of an earlier time', async () => {
    const { db, fileSystem } = await filled()
    const earlier = fileSystem.snapshotFiles()
    await db.keyspace('later')
    for (const [name, bytes] of earlier) if (/^superblock|\.man$/.test(name)) fileSystem.putFile(name, bytes)
    expect((await db.verify()).problems).toMatchObject([{ code: 'CORRUPT', file: only(fileSystem, '.man') }])
    await db.close()
  })

  test('the journal of an earlier time, and a sealed one that lost its end', async () => {
    const fileSystem = new FaultyFileSystem()
    const db = await openText(fileSystem)
    db.putSync('a', '1')
    const name = only(fileSystem, '.wal')
    const earlier = fileSystem.snapshotFiles().get(name) as Uint8Array
    db.putSync('b', '2')
    const whole = fileSystem.snapshotFiles().get(name) as Uint8Array
    fileSystem.putFile(name, earlier)
    expect((await db.verify()).problems).toMatchObject([
      { code: 'CORRUPT', file: name, offset: earlier.byteLength },
    ])
    fileSystem.putFile(name, whole)
    await db.close()
    const again = await openText(fileSystem)
    expect((await again.verify()).problems).toEqual([])
    fileSystem.resizeFile(name, whole.byteLength - 8)
    expect((await again.verify()).problems).toMatchObject([
      { code: 'CORRUPT', file: name, offset: earlier.byteLength },
    ])
    await again.close()
  })

  test('journals of another course of events: sealed, left and current, each by what is told of its end', async () => {
    const origin = new FaultyFileSystem()
    await (await openText(origin)).close()
    // The same database twice: journals of the same names, lengths and seqnos, with other content.
    const course = async (letter: string): Promise<[FaultyFileSystem, TextDatabase]> => {
      const fileSystem = origin.clone()
      const db = await openText(fileSystem)
      db.putSync('first', letter.repeat(500))
      const { journals } = keeperOf(db)
      for (const key of ['second', 'third']) {
        // Each goes to a journal of its own.
        if (journals.current !== undefined) journals.current.limitBytes = 0
        db.putSync(key, letter.repeat(500))
        db.putSync(key, letter.repeat(400))
      }
      return [fileSystem, db]
    }
    const [fileSystem, db] = await course('a')
    const [theirs, other] = await course('b')
    expect((await db.verify()).problems).toEqual([])
    const names = [...keeperOf(db).catalog.state.journals.keys()].map(journalFileName)
    const seals = [...keeperOf(db).catalog.state.journals.values()].map(({ seal }) => seal !== undefined)
    expect(seals.slice(-3)).toEqual([true, false, false])
    const [sealed, left, current] = names.slice(-3) as [string, string, string]
    for (const name of [sealed, left, current]) {
      const ours = fileSystem.snapshotFiles().get(name) as Uint8Array
      const bytes = theirs.snapshotFiles().get(name) as Uint8Array
      expect(bytes.byteLength).toBe(ours.byteLength)
      fileSystem.putFile(name, bytes)
      const { problems } = await db.verify()
      expect(problems.map(({ file }) => file)).toContain(name)
      fileSystem.putFile(name, ours)
    }
    expect((await db.verify()).problems).toEqual([])
    // Under the name of another.
    fileSystem.putFile(sealed, fileSystem.snapshotFiles().get(left) as Uint8Array)
    expect((await db.verify()).problems[0]).toMatchObject({ code: 'CORRUPT', file: sealed, offset: 32 })
    await db.close().catch(() => undefined)
    await other.close()
  })
})

describe('verify is not disturbed', () => {
  // The host opens a file at once and says so later: others have their turn before, and in between.
  const moments = ['before', 'after'] as const
  const files = ['superblock-a', 'superblock-b', '.man', '.wal'] as const
  test.each(files.flatMap((file) => moments.map((moment) => [file, moment] as const)))(
    'by writes while %s is opened (%s)',
    async (ending, moment) => {
      const fileSystem = new FaultyFileSystem()
      const first = await openText(fileSystem)
      first.putSync('a', '1')
      first.flushSync()
      first.putSync('b', '2')
      await first.close()
      let write: (() => void) | undefined
      const slow = new Proxy(fileSystem, {
        get(target, property): unknown {
          const member: unknown = Reflect.get(target, property)
          if (typeof member !== 'function') return member
          if (property !== 'open') return member.bind(target) as unknown
          return async (name: string, writable: boolean) => {
            const hit = name.endsWith(ending) ? write : undefined
            if (hit !== undefined) write = undefined
            if (moment === 'before') hit?.()
            const file = await target.open(name, writable)
            if (moment === 'after') hit?.()
            return file
          }
        },
      })
      const db = await openOn<'utf8', 'utf8'>(slow, {
        keyEncoding: 'utf8',
        valueEncoding: 'utf8',
        memoryLimit: SMALL_MEMORY,
      })
      // A new epoch with another manifest, and several superblocks.
      let written = false
      write = () => {
        written = true
        for (let i = 0; i < 3; i++) {
          db.putSync('c', `${i}`)
          db.flushSync()
        }
      }
      expect((await db.verify()).problems).toEqual([])
      expect(written).toBe(true)
      await db.close()
    },
  )

  test.each([1, 2, 3, 4, 5, 6, 7])(
    'by a close in its turn %d, and uses no memory after it',
    async (turns) => {
      const { db } = await filled()
      const { kernel } = engineOf(db)
      const verification = db.verify().then(
        () => 'done',
        (error: { code: string }) => error.code,
      )
      for (let i = 0; i < turns; i++) await null
      await db.close()
      forbidUse(kernel)
      expect(['done', 'CLOSED']).toContain(await verification)
      await turn()
    },
  )

  test('by a keyspace that is merged and dropped, whose tables are closed once', async () => {
    const { db } = await filled()
    const other = db.keyspaceSync('other', { keyEncoding: 'utf8', valueEncoding: 'utf8' })
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 50; i++) other.putSync(`key ${i}`, `${round}`)
      other.flushSync()
    }
    const { disposal } = keeperOf(db)
    const closeTables = disposal.closeTables.bind(disposal)
    const closed: number[] = []
    disposal.closeTables = (tables, andThen) => {
      closed.push(...tables.map(({ info }) => info.id))
      closeTables(tables, andThen)
    }
    const verification = db.verify()
    await null
    await null
    other.compactSync()
    db.dropKeyspaceSync('other')
    expect((await verification).problems).toEqual([])
    expect(closed.length).toBe(4)
    expect(new Set(closed).size).toBe(closed.length)
    await db.close()
  })

  describe('by the clock', () => {
    // A clock by which every step takes longer than a slice: a turn after each.
    let now = 0
    beforeEach(() => void vi.spyOn(performance, 'now').mockImplementation(() => (now += 100)))
    afterEach(() => void vi.restoreAllMocks())

    test.each([1, 2, 3, 5, 8, 13, 21])(
      'by a close after %d turns, and uses no memory after it',
      async (turns) => {
        const { db } = await filled()
        const { kernel } = engineOf(db)
        const verification = db.verify().then(
          () => 'done',
          (error: { code: string }) => error.code,
        )
        for (let i = 0; i < turns; i++) await turn()
        await db.close()
        forbidUse(kernel)
        expect(['done', 'CLOSED']).toContain(await verification)
        await turn()
      },
    )

    test('and leaves slices as they are', async () => {
      const { db } = await filled()
      let done = false
      const verification = db.verify().finally(() => (done = true))
      // The call itself is one, as any other.
      await turn()
      let turns = 0
      for (; !done; turns++) {
        const slice = db.getSlice('key 7')
        await turn()
        expect(Buffer.from(slice?.copy() ?? []).toString()).toBe('new 7')
      }
      expect(turns).toBeGreaterThan(3)
      await verification
      await db.close()
    })

    test('and gives others their turns while it reads a long journal', async () => {
      const db = await openText()
      for (let i = 0; i < 10_000; i++) db.putSync(`key ${i}`, 'x')
      let done = false
      const verification = db.verify().finally(() => (done = true))
      let turns = 0
      for (; !done; turns++) await turn()
      expect((await verification).problems).toEqual([])
      expect(turns).toBeGreaterThan(10_000 / 300)
      await db.close()
    })
  })
})

test('a signal that is aborted before, or whenever, ends it', async () => {
  const empty = await openText()
  await expectCode('ABORTED', () => empty.verify({ signal: AbortSignal.abort() }))
  await empty.close()
  const { db } = await filled()
  const free = engineOf(db).kernel.freePages()
  const controller = new AbortController()
  const slices = new Slices(keeperOf(db), controller.signal)
  const steps = (function* (): Generator<void> {
    for (;;) yield
  })()
  const endless = slices.run(steps)
  await turn()
  controller.abort()
  await expectCode('ABORTED', () => endless)
  expect(steps.next().done).toBe(true)
  expect(engineOf(db).kernel.freePages()).toBe(free)
  await db.close()
})
