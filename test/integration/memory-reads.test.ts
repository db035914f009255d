/** A thread that has nothing but the memory of a database, as a browser's page has it, reads while the one thread that uses it writes, flushes, compacts and clears. */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { afterEach, describe, expect, it } from 'vitest'
import { Keyspace } from '../../src/api/keyspace.ts'
import { MemoryReads, shareReads, type SharedReads } from '../../src/api/memory-reads.ts'
import { openOn } from '../../src/api/open.ts'
import { memoryFileSystem } from '../../src/fs/memory.ts'
import { engineSource } from '../../src/page/engine-source.generated.ts'

const KEYS = 16
/** All have as many digits. */
const FIRST_ROUND = 1_000_001
const keys = Array.from({ length: KEYS }, (_, i) => `k${i}`)

interface Report {
  readonly found: number
  readonly elsewhere: number
  readonly wrong: readonly string[]
}

const workers: Worker[] = []

afterEach(async () => {
  for (const worker of workers.splice(0)) await worker.terminate()
})

/** Reads until it is told to stop: each read must be of one moment, and none of an earlier one than the read before it. */
const SCRIPT = `${engineSource}
  const { parentPort, workerData: { shared, identity, queueIdentity, keys, stop } } = require('node:worker_threads')
  const { readMemory, shortRange } = varveEngine
  const memory = readMemory(shared, () => {})
  const keyspace = memory.keyspace(identity, 'utf8', 'utf8')
  const queue = memory.keyspace(queueIdentity, 'utf8', 'utf8')
  let oldest = ''
  const word = new Int32Array(stop)
  const report = { found: 0, elsewhere: 0, wrong: [] }
  let latest = 0
  const see = (what, values) => {
    const rounds = new Set(values)
    const round = Number(values[0] ?? 0)
    if (rounds.size !== 1) report.wrong.push(what + ' has ' + [...rounds].join())
    else if (round < latest) report.wrong.push(what + ' has ' + round + ' after ' + latest)
    else latest = round
    report.found++
  }
  const ways = [
    () => see('get', [keyspace.getSync(keys[report.found % keys.length])]),
    () => see('getMany', keyspace.getManySync(keys)),
    () => {
      const page = shortRange(keyspace, 'values', { gte: 'k', lt: 'l' })
      if (page === undefined) report.wrong.push('a range is too long')
      else see('range', page.values === undefined ? [] : page.values)
    },
    () => see('first', [keyspace.firstSync({ gte: 'k' })?.[1]]),
    () => {
      const entry = queue.firstSync()
      report.found++
      if (entry === undefined) report.wrong.push('the queue is empty')
      else if (entry[0] < oldest) report.wrong.push('the queue has ' + entry[0] + ' after ' + oldest)
      else oldest = entry[0]
    },
  ]
  let turn = 0
  while (Atomics.load(word, 0) === 0) {
    try {
      ways[turn++ % ways.length]()
    } catch (error) {
      if (typeof error === 'symbol' || error.code === 'CLOSED') report.elsewhere++
      else report.wrong.push(String(error?.stack ?? error))
    }
    if (report.wrong.length > 10) break
  }
  parentPort.postMessage(report)`

describe('reads in the memory of another thread', () => {
  it('end when the database is closed, and get none of its slots when all are taken', async () => {
    const db = await openOn(memoryFileSystem(), { keyEncoding: 'utf8', valueEncoding: 'utf8', threads: 0 })
    db.putSync('k', 'v')
    const { engine, tree } = Keyspace.viewOf(db)
    const reads = new MemoryReads(shareReads(engine) as SharedReads, () => {})
    const keyspace = reads.keyspace(tree.identity, 'utf8', 'utf8')
    expect(keyspace.getSync('k')).toBe('v')
    while (shareReads(engine) !== undefined);
    expect(keyspace.getSync('k')).toBe('v')
    await db.close()
    expect(() => keyspace.getSync('k')).toThrow('The database is closed')
    expect(() => keyspace.firstSync()).toThrow('The database is closed')
  })

  it('leave the gap of a queue and the lock of the journal alone, whatever is being written', async () => {
    const db = await openOn(memoryFileSystem(), { keyEncoding: 'utf8', valueEncoding: 'utf8', threads: 0 })
    for (let i = 0; i < 200; i++) db.putSync(`k${i + 100}`, 'v')
    for (let i = 0; i < 199; i++) db.deleteSync(`k${i + 100}`)
    const { engine, tree } = Keyspace.viewOf(db)
    const reads = new MemoryReads(shareReads(engine) as SharedReads, () => {})
    const keyspace = reads.keyspace(tree.identity, 'utf8', 'utf8')
    for (const knows of [false, true]) {
      if (knows) expect(db.firstSync()).toEqual(['k299', 'v'])
      expect(tree.gap?.isKnown ?? false).toBe(knows)
      engine.thread.inGroup = true
      expect(() => keyspace.firstSync()).toThrow()
      engine.thread.inGroup = false
      expect(tree.gap?.isKnown ?? false).toBe(knows)
      expect(keyspace.getSync('k299')).toBe('v')
      db.putSync('k299', 'v')
    }
    await db.close()
  })

  it.each([1, 2, 3])(
    'are of one moment and never go back, run %i',
    async (run) => {
      const db = await openOn(memoryFileSystem(), {
        keyEncoding: 'utf8',
        valueEncoding: 'utf8',
        threads: 0,
        memoryLimit: 16 << 20,
        memtableSize: 256 << 10,
      })
      const queue = db.keyspaceSync('queue', { keyEncoding: 'utf8', valueEncoding: 'utf8' })
      const write = (round: number): void => {
        const batch = db.batch()
        for (const key of keys) batch.put(key, `${round}`)
        batch.put(`other ${round % 500}`, 'x'.repeat(2000))
        // NOTE: one entry behind ever more that were deleted: ranges remember where it begins.
        batch.put(queue, `q${round}`, '').delete(queue, `q${round - 1}`)
        batch.commitSync()
      }
      write(FIRST_ROUND)
      const { engine, tree } = Keyspace.viewOf(db)
      const queueIdentity = Keyspace.viewOf(queue).tree.identity
      const stop = new SharedArrayBuffer(4)
      const readers = [1, 2].map(() => {
        const shared = shareReads(engine) as SharedReads
        const worker = new Worker(SCRIPT, {
          eval: true,
          workerData: { shared, identity: tree.identity, queueIdentity, keys, stop },
        })
        workers.push(worker)
        return once(worker, 'message') as Promise<[Report]>
      })
      const until = Date.now() + 1500
      for (let round = FIRST_ROUND + 1; Date.now() < until; round++) {
        write(round)
        if (round % 11 === 0) expect([...queue.keysSync()]).toEqual([`q${round}`])
        if (round % 7 === 0) await new Promise((resolve) => setImmediate(resolve))
        if (round % 500 === 100 + run) await db.flush()
        if (round % 900 === 300 + run) await db.compact()
        if (round % 700 === 50) {
          const passing = db.keyspaceSync('passing', { keyEncoding: 'utf8', valueEncoding: 'utf8' })
          passing.putSync('k0', 'not yours')
          passing.clearSync()
          db.dropKeyspaceSync('passing')
        }
      }
      // NOTE: they go on reading while it closes.
      await db.close()
      Atomics.store(new Int32Array(stop), 0, 1)
      for (const [report] of await Promise.all(readers)) {
        expect(report.wrong).toEqual([])
        expect(report.found).toBeGreaterThan(1000)
        expect(report.elsewhere).toBeGreaterThan(0)
      }
    },
    30_000,
  )
})
