import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { CONTROL_SYNC_TURN } from '../../assembly/memory/layout.ts'
import { open } from '../../src/index.ts'
import type { Database } from '../../src/api/exports.ts'
import { expectCode } from '../api/support.ts'
import { engineOf } from './regressions/support.ts'

const TEXT = { keyEncoding: 'utf8', valueEncoding: 'utf8', threads: 1 } as const

let directory: string
const started: Worker[] = []
const note = (worker: Worker): unknown => started.push(worker)

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'varve-threads-'))
  process.on('worker', note)
})

afterEach(() => {
  process.off('worker', note)
  started.length = 0
  rmSync(directory, { recursive: true, force: true })
})

/** A database whose keeper has moved to a background thread. */
async function openMoved(name = 'db', options: object = {}): Promise<Database<'utf8', 'utf8'>> {
  const db = await open(join(directory, name), { ...TEXT, ...options })
  db.putSync('a', '1')
  await db.flush()
  return db
}

/** The thread that keeps the databases of this process; it may have been started by an earlier test. */
async function endThread(): Promise<void> {
  const worker = started[0]
  if (worker === undefined) throw new Error('no thread was started')
  await worker.terminate()
}

/** Waits until the pool has let its thread go, so that the next database starts one. */
async function emptyPool(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 2300))
}

describe('a background thread', () => {
  it('becomes the keeper once, though calls and the turns of the event loop both try to move it there', async () => {
    await emptyPool()
    const db = await open(join(directory, 'db'), TEXT)
    const value = 'v'.repeat(100)
    const count = 200_000
    // NOTE: too few memtables to wait for one, so the event loop gets no turn: a call moves it, and only then comes the thread's word that it listens.
    for (let i = 0; i < count;) {
      const batch = db.batch()
      for (const end = i + 1000; i < end; i++) batch.put(String((i * 7919) % count).padStart(8, '0'), value)
      await batch.commit()
    }
    await db.compact()
    expect(db.countSync()).toBe(count)
    await db.close()
  })

  it('flushes and compacts while the thread that writes never gives the event loop a turn', async () => {
    const db = await open(join(directory, 'db'), { ...TEXT, memtableSize: 1 << 20, memoryLimit: 32 << 20 })
    const value = 'v'.repeat(100)
    for (let i = 0; i < 200_000; i++) db.putSync(String((i * 7919) % 200_000).padStart(8, '0'), value)
    expect(db.countSync()).toBe(200_000)
    const { keyspaces } = db.stats()
    expect(keyspaces[0]?.flushes).toBeGreaterThan(3)
    await db.close()
    const again = await open(join(directory, 'db'), TEXT)
    expect(again.countSync()).toBe(200_000)
    await again.close()
  })

  it(
    'that ends poisons: who waits is told at once, reads go on, and a reopen has everything',
    { timeout: 20_000 },
    async () => {
      await emptyPool()
      const db = await openMoved()
      db.putSync('b', '2')
      const flushing = db.flush()
      const ended = endThread()
      const startMs = performance.now()
      await expectCode('POISONED', () => flushing)
      expect(performance.now() - startMs).toBeLessThan(100)
      await ended
      expect(() => db.putSync('c', '3')).toThrow(expect.objectContaining({ code: 'POISONED' }))
      expect(() => db.flushSync()).toThrow(expect.objectContaining({ code: 'POISONED' }))
      expect(db.getSync('a')).toBe('1')
      expect(db.getSync('b')).toBe('2')
      await expectCode('POISONED', () => db.close())
      const again = await open(join(directory, 'db'), TEXT)
      expect([...again.rangeSync()]).toEqual([
        ['a', '1'],
        ['b', '2'],
      ])
      await again.close()
    },
  )

  it(
    'that ends without a word wakes who sleeps for it, though nobody else shares the database',
    { timeout: 20_000 },
    async () => {
      await emptyPool()
      // NOTE: the owner's thread is not given a turn between the end and the call, and terminate() runs no exit hook.
      for (const call of ['flushSync', 'compactSync'] as const) {
        const db = await openMoved()
        db.putSync('b', '2')
        const ended = endThread()
        const startMs = performance.now()
        while (performance.now() - startMs < 300);
        const calledMs = performance.now()
        expect(() => db[call]()).toThrow(expect.objectContaining({ code: 'POISONED' }))
        expect(performance.now() - calledMs).toBeLessThan(1000)
        await ended
        await expectCode('POISONED', () => db.close())
        started.length = 0
      }
    },
  )

  it('that ends in the middle of a sync wakes who waits for his turn', { timeout: 20_000 }, async () => {
    await emptyPool()
    const db = await openMoved()
    const { words } = engineOf(db).kernel
    // NOTE: what the keeper's thread leaves that is terminated in fdatasync: the turn of the highest slot.
    Atomics.store(words, CONTROL_SYNC_TURN >>> 2, 2)
    const ended = endThread()
    expect(() => db.putSync('b', '2', { durability: 'sync' })).toThrow(
      expect.objectContaining({ code: 'POISONED' }),
    )
    await ended
    await expectCode('POISONED', () => db.close())
  })

  it(
    'is shared by databases, and gone some time after the last one is closed',
    { timeout: 20_000 },
    async () => {
      await emptyPool()
      const databases = await Promise.all(['x', 'y', 'z'].map((name) => openMoved(name)))
      expect(started.length).toBe(1)
      const threads = readdirSync('/proc/self/task').length
      for (const db of databases) await db.close()
      await emptyPool()
      expect(readdirSync('/proc/self/task').length).toBeLessThan(threads)
      const again = await openMoved('x')
      expect(again.getSync('a')).toBe('1')
      await again.close()
    },
  )

  it('is started by createWorker, if that is given', async () => {
    const script = join(directory, 'background.cjs')
    let made = 0
    const createWorker = (source: string, options: object): Worker => {
      made++
      writeFileSync(script, source)
      return new Worker(script, { ...options, eval: false })
    }
    const db = await openMoved('db', { createWorker })
    const other = await openMoved('other', { createWorker })
    expect(made).toBe(1)
    await other.close()
    await db.close()
    await expect(open(join(directory, 'db'), { createWorker: 1 as never })).rejects.toThrow(TypeError)
  })

  it('that cannot be started leaves everything to the calling thread', async () => {
    const createWorker = (): never => {
      throw new Error('no threads here')
    }
    const db = await openMoved('db', { createWorker })
    await db.compact()
    expect((await db.verify()).problems).toEqual([])
    await expectCode('NOT_SUPPORTED', () => db.share())
    await db.close()
  })

  it(
    'that is not there yet when the database is closed leaves a flush with CLOSED, and other databases alone',
    { timeout: 20_000 },
    async () => {
      await emptyPool()
      const first = await open(join(directory, 'first'), TEXT)
      first.putSync('a', '1')
      const flushing = first.flush()
      await first.close()
      const second = await open(join(directory, 'second'), TEXT)
      for (let i = 0; i < 1000; i++) second.putSync(`k${i}`, 'v')
      await flushing.catch((error: unknown) => expect(error).toMatchObject({ code: 'CLOSED' }))
      await new Promise((resolve) => setTimeout(resolve, 100))
      expect(second.countSync()).toBe(1000)
      await second.close()
    },
  )

  it('keeps for a range what it needs that was begun before it took over', async () => {
    const db = await open(join(directory, 'db'), TEXT)
    db.putSync('a', 'old')
    db.putSync('b', 'old')
    const range = db.rangeSync()
    db.putSync('a', 'new')
    db.deleteSync('b')
    await db.flush()
    await db.compact()
    expect([...range]).toEqual([
      ['a', 'old'],
      ['b', 'old'],
    ])
    await db.close()
  })

  it('answers syncs that were asked for before close()', async () => {
    const db = await openMoved()
    const puts = Array.from({ length: 5 }, (_, i) => db.put(`s${i}`, 'v', { durability: 'sync' }))
    await db.close()
    await Promise.all(puts)
  })

  it('ends a job whose listener throws, and tells the reason of an abort of any kind', async () => {
    const db = await openMoved()
    for (let i = 0; i < 1000; i++) db.putSync(`k${i}`, 'v')
    const listener = (): never => {
      throw new Error('of the listener')
    }
    await expect(db.compact({ onProgress: listener })).rejects.toThrow('of the listener')
    const controller = new AbortController()
    const reason = new Error('cannot be cloned', { cause: () => 1 })
    const verifying = db.verify({ signal: controller.signal })
    controller.abort(reason)
    await expect(verifying).rejects.toMatchObject({ code: 'ABORTED', cause: reason })
    await db.close()
  })

  it('is not waited for by what is done before anything was written', async () => {
    await (await openMoved()).close()
    const db = await open(join(directory, 'db'), TEXT)
    expect((await db.verify()).problems).toEqual([])
    await db.flush()
    await db.compact()
    expect(db.getSync('a')).toBe('1')
    await db.close()
  })

  it('leaves descriptors and slots as they were', async () => {
    const first = await openMoved()
    await first.close()
    const before = readdirSync('/proc/self/fd').length
    for (let i = 0; i < 20; i++) {
      const db = await openMoved()
      db.putSync(`k${i}`, 'v')
      await db.compact()
      await db.close()
    }
    expect(readdirSync('/proc/self/fd').length).toBeLessThanOrEqual(before + 1)
  })
})
