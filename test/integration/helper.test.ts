/** A second thread that writes the tables of compactions for a database on this one, through files of this one, as browsers have it. */
import { Worker } from 'node:worker_threads'
import { afterEach, describe, expect, it } from 'vitest'
import type { Database } from '../../src/api/database.ts'
import { takeHelper, whenHelperIsWanted, type Helper } from '../../src/api/helper.ts'
import { Keyspace } from '../../src/api/keyspace.ts'
import { openOn } from '../../src/api/open.ts'
import { parseFileName } from '../../src/fs/file-names.ts'
import type { File, FileSystem } from '../../src/fs/filesystem.ts'
import { VarveError } from '../../src/errors.ts'
import { memoryFileSystem } from '../../src/fs/memory.ts'
import { engineSource } from '../../src/page/engine-source.generated.ts'
import { LocalKeeper } from '../../src/workers/local-keeper.ts'
import { mulberry32, pick } from '../support/random.ts'

type Texts = Database<'utf8', 'utf8'>

const workers: Worker[] = []

afterEach(async () => {
  for (const worker of workers.splice(0)) await worker.terminate()
})

const SCRIPT = `${engineSource}
  const { workerData: { port } } = require('node:worker_threads')
  varveEngine.help(port, () => process.exit(0))`

interface Helped {
  readonly db: Texts
  readonly helper: Helper
  readonly worker: Worker
  /** Jobs that it was given. */
  readonly jobs: () => number
}

async function open(fileSystem: FileSystem = memoryFileSystem()): Promise<Texts> {
  const db = await openOn(fileSystem, {
    keyEncoding: 'utf8',
    valueEncoding: 'utf8',
    threads: 0,
    memoryLimit: 16 << 20,
    memtableSize: 256 << 10,
  })
  return db
}

async function openHelped(fileSystem?: FileSystem): Promise<Helped> {
  const db = await open(fileSystem)
  const { engine } = Keyspace.viewOf(db)
  const { port1, port2 } = new MessageChannel()
  const worker = new Worker(SCRIPT, {
    eval: true,
    workerData: { port: port2 },
    transferList: [port2 as never],
  })
  workers.push(worker)
  const helper = await new Promise<Helper>((resolve) => {
    const made = takeHelper(engine, port1, () => resolve(made as Helper))
  })
  const { keeper } = engine
  if (!(keeper instanceof LocalKeeper)) throw new Error('the keeper is elsewhere')
  const { compactor } = keeper.keeper
  const given = compactor.helper
  if (given === undefined) throw new Error('there is no helper')
  let jobs = 0
  const build = given.build.bind(given)
  given.build = (...args) => {
    jobs++
    return build(...args)
  }
  return { db, helper, worker, jobs: () => jobs }
}

/** Several runs of tables, to be compacted. */
async function fill(db: Texts, model: Map<string, string>, seed: number): Promise<void> {
  const random = mulberry32(seed)
  for (let round = 0; round < 6; round++) {
    for (let i = 0; i < 300; i++) {
      const key = `k${pick(random, 900)}`
      if (random() < 0.2) {
        db.deleteSync(key)
        model.delete(key)
      } else {
        const value = `${seed} ${round} ${i} ${'v'.repeat(pick(random, 300))}${random() < 0.01 ? 'x'.repeat(100_000) : ''}`
        db.putSync(key, value)
        model.set(key, value)
      }
    }
    await db.flush()
  }
}

function contentOf(db: Texts): [string, string][] {
  return [...db.rangeSync()]
}

function inOrder(model: Map<string, string>): [string, string][] {
  return [...model].sort(([a], [b]) => (a < b ? -1 : 1))
}

describe('a thread that helps with compactions', () => {
  it('writes what the keeper would have written', async () => {
    const files = memoryFileSystem()
    const { db, helper, jobs } = await openHelped(files)
    const model = new Map<string, string>()
    for (let seed = 1; seed <= 3; seed++) {
      await fill(db, model, seed)
      await db.compact()
      expect(contentOf(db)).toEqual(inOrder(model))
    }
    expect(jobs()).toBeGreaterThan(2)
    expect(await db.verify()).toMatchObject({ problems: [] })
    await db.close()
    helper.release()
    const again = await open(files)
    expect(contentOf(again)).toEqual(inOrder(model))
    await again.close()
  })

  it('leaves what a snapshot reads', async () => {
    const { db, helper } = await openHelped()
    const model = new Map<string, string>()
    await fill(db, model, 1)
    const snapshot = db.snapshot()
    const before = inOrder(model)
    await fill(db, model, 2)
    await db.compact()
    expect([...snapshot.rangeSync()]).toEqual(before)
    expect(contentOf(db)).toEqual(inOrder(model))
    snapshot.close()
    await db.close()
    helper.release()
  })

  it('is called off by what cannot wait: a signal, clear, dropRange, a drop, the end', async () => {
    for (const [i, end] of ['signal', 'clear', 'dropRange', 'close'].entries()) {
      const files = memoryFileSystem()
      const { db, helper, jobs } = await openHelped(files)
      const model = new Map<string, string>()
      await fill(db, model, i)
      const controller = new AbortController()
      const compacted = db.compact({ signal: controller.signal }).then(
        () => 'done',
        (error: unknown) => (error as VarveError).code,
      )
      // NOTE: somewhere in the middle of it.
      for (let turns = 0; jobs() === 0 || turns < 10 * i; turns++)
        await new Promise((resolve) => setImmediate(resolve))
      if (end === 'signal') controller.abort()
      else if (end === 'clear') db.clearSync()
      else if (end === 'dropRange') db.dropRangeSync({ gte: 'k2', lt: 'k7' })
      if (end === 'clear') model.clear()
      else if (end === 'dropRange')
        for (const key of [...model.keys()]) if (key >= 'k2' && key < 'k7') model.delete(key)
      if (end !== 'close') {
        expect(contentOf(db)).toEqual(inOrder(model))
        await compacted
        expect(contentOf(db)).toEqual(inOrder(model))
        await db.compact()
        expect(contentOf(db)).toEqual(inOrder(model))
      }
      await db.close()
      helper.release()
      const again = await open(files)
      expect(contentOf(again)).toEqual(inOrder(model))
      // NOTE: no file is left that nothing names.
      const tables = (await files.list()).filter((name) => parseFileName(name)?.kind === 'table')
      expect(tables).toHaveLength((await again.verify()).tables)
      await again.close()
    }
  }, 60_000)

  it('that ends in the middle is done without', async () => {
    const { db, helper, worker, jobs } = await openHelped()
    const model = new Map<string, string>()
    await fill(db, model, 1)
    await worker.terminate()
    const compacted = db.compact().catch((error: unknown) => (error as VarveError).code)
    for (let turns = 0; turns < 50; turns++) await new Promise((resolve) => setImmediate(resolve))
    expect(jobs()).toBe(1)
    helper.lose()
    // NOTE: it was this one or one in the background that it was at.
    expect(['IO', undefined]).toContain(await compacted)
    await db.compact()
    expect(jobs()).toBe(1)
    expect(contentOf(db)).toEqual(inOrder(model))
    await db.close()
  })

  it('ends with what a file says: a full disk is no loss, a damaged table is not merged', async () => {
    for (const code of ['DISK_FULL', 'IO'] as const) {
      const { files, fail } = failing(code)
      const { db, helper } = await openHelped(files)
      const model = new Map<string, string>()
      await fill(db, model, 1)
      fail(true)
      await expect(db.compact()).rejects.toMatchObject({ code })
      expect(contentOf(db)).toEqual(inOrder(model))
      fail(false)
      await db.compact()
      expect(contentOf(db)).toEqual(inOrder(model))
      await db.close()
      helper.release()
    }
  })

  it('is asked for at the first compaction', async () => {
    const db = await open()
    let wanted = 0
    whenHelperIsWanted(Keyspace.viewOf(db).engine, () => wanted++)
    await fill(db, new Map(), 1)
    await db.compact()
    await db.compact()
    expect(wanted).toBe(1)
    await db.close()
  })
})

/** Files in memory; tables that are made while they fail cannot be written. */
function failing(code: 'DISK_FULL' | 'IO'): { files: FileSystem; fail: (fails: boolean) => void } {
  const files = memoryFileSystem()
  let fails = false
  const createSync = files.createSync?.bind(files)
  files.createSync = (name, apart) => {
    const file = createSync?.(name, apart) as File
    if (!fails) return file
    file.write = () => {
      throw new VarveError(code, 'it fails', { file: name })
    }
    return file
  }
  return { files, fail: (now) => (fails = now) }
}
