import { setImmediate, setTimeout } from 'node:timers/promises'
import { parentPort, workerData } from 'node:worker_threads'
import { attach, type SharedDatabase } from '../../../src/index.ts'
import { mulberry32, pick } from '../../support/random.ts'
import { Board } from './board.ts'
import type { Moment, Store } from './site.ts'
import { idOf, valueOf } from './values.ts'

export const GC_GUEST = 'gc-guest'

/** A thread of a round: threads with even numbers write, the others read. */
export interface GcGuestData {
  readonly role: typeof GC_GUEST
  readonly thread: number
  readonly seed: number
  readonly handle: SharedDatabase
  readonly board: SharedArrayBuffer
  /** It ends without closing the database, with snapshots open. */
  readonly leavesWithoutAWord: boolean
}

export interface GcGuestReport {
  readonly operations: number
  readonly snapshots: number
  readonly failure: string | undefined
}

const KEYS = 300
const LONG_SNAPSHOTS = 3
const LONG_SNAPSHOT_MS = 1500

function keyOf(number: number): string {
  return `k${String(number).padStart(4, '0')}`
}

interface LongSnapshot {
  readonly snapshot: Moment
  readonly takenAtMs: number
  readonly content: string
}

class GcGuest {
  readonly db: Store
  readonly board: Board
  readonly random: () => number
  readonly long: LongSnapshot[] = []
  operations = 0
  snapshots = 0
  #ids = 0

  constructor(db: Store, board: Board, random: () => number) {
    this.db = db
    this.board = board
    this.random = random
  }

  /** Overwrites and deletes. */
  async write(): Promise<void> {
    const { db, board, random } = this
    while (!board.isOver) {
      const batch = db.batch()
      for (let i = pick(random, 12); i >= 0; i--) {
        const key = keyOf(pick(random, KEYS))
        if (random() < 0.1) batch.delete(key)
        else batch.put(key, valueOf(++this.#ids))
      }
      this.operations += batch.length
      if (random() < 0.5) {
        board.begin('commitSync')
        batch.commitSync()
      } else {
        board.begin('commit')
        await batch.commit({ durability: 'buffered' })
      }
      if (random() < 0.01) {
        board.begin('dropRangeSync')
        const from = pick(random, KEYS)
        db.dropRangeSync({ gte: keyOf(from), lt: keyOf(from + 20) })
      }
      if (random() < 0.2) await setImmediate()
    }
  }

  /** Takes snapshots, short and long, and begins ranges, some of which it leaves before their end. */
  async read(): Promise<void> {
    const { db, board, random } = this
    while (!board.isOver) {
      this.operations++
      const way = random()
      if (way < 0.5) {
        board.begin('snapshot')
        const snapshot = db.snapshot()
        this.snapshots++
        const key = keyOf(pick(random, KEYS))
        const first = idOf(snapshot.getSync(key), key)
        if (random() < 0.3) await setImmediate()
        if (idOf(snapshot.getSync(key), key) !== first) throw new Error(`a short snapshot changed at ${key}`)
        snapshot.close()
      } else if (way < 0.75) {
        board.begin('range')
        let left = pick(random, KEYS)
        for await (const [key, value] of db.range({ prefix: 'k' })) {
          idOf(value, key)
          if (--left < 0) break
        }
      } else if (this.long.length < LONG_SNAPSHOTS) this.#takeLong()
      else this.#endLong()
      if (random() < 0.2) await setTimeout(1)
    }
  }

  #takeLong(): void {
    this.board.begin('snapshot')
    const snapshot = this.db.snapshot()
    this.snapshots++
    this.long.push({ snapshot, takenAtMs: performance.now(), content: contentOf(snapshot) })
  }

  #endLong(): void {
    this.board.begin('reads of a snapshot')
    const [oldest] = this.long
    if (oldest === undefined || performance.now() - oldest.takenAtMs < LONG_SNAPSHOT_MS) return
    this.long.shift()
    if (contentOf(oldest.snapshot) !== oldest.content) throw new Error('a long snapshot changed')
    oldest.snapshot.close()
  }
}

function contentOf(snapshot: Moment): string {
  return [...snapshot.rangeSync()].map(([key, value]) => `${key}=${idOf(value, key)}`).join()
}

/** The life of such a thread. */
export async function beGcGuest(): Promise<void> {
  const { thread, seed, handle, board: memory, leavesWithoutAWord } = workerData as GcGuestData
  const board = new Board(memory, thread)
  board.begin('attaching')
  const db = attach(handle, { keyEncoding: 'utf8', valueEncoding: 'bytes' })
  const guest = new GcGuest(db, board, mulberry32(seed))
  let failure: string | undefined
  const note = (error: unknown): void => {
    const stack = error instanceof Error ? (error.stack ?? error.message) : String(error)
    failure ??= `thread ${thread} in ${board.call(thread)}: ${stack}`
    board.stop()
  }
  await (thread % 2 === 0 ? guest.write() : guest.read()).catch(note)
  if (!leavesWithoutAWord) {
    board.begin('close')
    // NOTE: snapshots that are open end with it.
    await db.close().catch(note)
  }
  const { operations, snapshots } = guest
  parentPort?.postMessage({ operations, snapshots, failure } satisfies GcGuestReport)
  board.end()
}
