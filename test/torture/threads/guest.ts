import { setImmediate, setTimeout } from 'node:timers/promises'
import { parentPort, workerData } from 'node:worker_threads'
import { attach, VarveError, type SharedDatabase } from '../../../src/index.ts'
import { mulberry32, pick } from '../../support/random.ts'
import { Anomaly, type History } from './anomaly.ts'
import { Board } from './board.ts'
import { eraseGroup, groupsAt, readGroups, writeGroup } from './groups.ts'
import { Lists } from './lists.ts'
import { Registers } from './registers.ts'
import { chance, pause, type Moment, type Site } from './site.ts'

export const GUEST = 'guest'

/** What a thread that uses the database is given. */
export interface GuestData {
  readonly role: typeof GUEST
  readonly thread: number
  readonly seed: number
  readonly handle: SharedDatabase
  readonly board: SharedArrayBuffer
  readonly hasJournal: boolean
}

export interface Found {
  readonly history: History
  readonly message: string
  readonly afterMs: number
}

/** What it reports at its end. */
export interface GuestReport {
  readonly thread: number
  readonly operations: number
  readonly snapshots: number
  readonly registers: Float64Array
  readonly found: Found | undefined
}

/** How many snapshots a thread keeps open. */
const KEPT_SNAPSHOTS = 3

interface Kept {
  readonly snapshot: Moment
  readonly content: string
}

class Guest {
  readonly site: Site
  readonly lists: Lists
  readonly registers: Registers
  readonly kept: Kept[] = []
  operations = 0
  snapshots = 0

  constructor(site: Site) {
    this.site = site
    this.lists = new Lists(site)
    this.registers = new Registers(site)
  }

  /** Reads and writes of all histories, as they come. */
  async useAll(): Promise<void> {
    const { site } = this
    while (!site.board.isOver) {
      const way = site.random()
      if (way < 0.5) await this.#write()
      else if (way < 0.55) this.#useSnapshot()
      else if (way < 0.555) this.#flush()
      // NOTE: a thread that had to wait for its core reads several times before it goes again.
      else for (let i = pick(site.random, 8); i >= 0; i--) await this.#read()
      if (chance(site, 0.1)) await setImmediate()
    }
  }

  #write(): Promise<void> {
    this.operations++
    const way = this.site.random()
    if (way < 0.4) return this.registers.write()
    if (way < 0.65) return writeGroup(this.site)
    if (way < 0.68) return eraseGroup(this.site)
    return this.lists.append()
  }

  #read(): Promise<void> {
    this.operations++
    const way = this.site.random()
    if (way < 0.4) return this.registers.read()
    return way < 0.75 ? readGroups(this.site) : this.lists.read()
  }

  /** Ranges that take their time, beside the rest. */
  async readSlowly(): Promise<void> {
    const { site } = this
    while (!site.board.isOver) {
      this.operations++
      await this.lists.readAll(true)
      await readGroups(site)
      await pause(site)
    }
  }

  /** Flushes and compactions, one after another. */
  async keepHouse(): Promise<void> {
    const { db, other, board, random } = this.site
    while (!board.isOver) {
      await setTimeout(pick(random, 10))
      const way = random()
      if (way < 0.6) {
        board.begin('flush')
        await (chance(this.site, 0.5) ? db : other).flush()
      } else if (way < 0.8) {
        board.begin('compact')
        await (chance(this.site, 0.3) ? db : other).compact()
      } else if (way < 0.9) {
        board.begin('persist')
        await db.persist(chance(this.site, 0.8) ? 'os' : 'sync')
      } else {
        board.begin('stats')
        db.stats()
      }
    }
  }

  /** Takes a snapshot, or looks again at one: it stays what it was. */
  #useSnapshot(): void {
    const { site, kept } = this
    const { db, board } = site
    this.snapshots++
    if (kept.length < KEPT_SNAPSHOTS && chance(site, 0.5)) {
      const bounds = this.lists.boundsBefore()
      const invoked = board.tick()
      board.begin('snapshot')
      const snapshot = db.snapshot()
      const returned = board.tick()
      board.begin('reads of a snapshot')
      const groups = groupsAt(site, snapshot, chance(site, 0.5))
      const lists = this.lists.at(snapshot, bounds)
      const registers = this.registers.at(snapshot, { invoked, returned })
      kept.push({ snapshot, content: [groups, lists, registers].join('; ') })
      return
    }
    const [one] = kept.splice(pick(site.random, kept.length), 1)
    if (one === undefined) return
    board.begin('reads of a snapshot')
    const { snapshot, content } = one
    const again = [
      groupsAt(site, snapshot, chance(site, 0.5)),
      this.lists.at(snapshot),
      this.registers.at(snapshot),
    ].join('; ')
    if (again !== content) throw new Anomaly('groups', `a snapshot changed from ${content} to ${again}`)
    board.begin('end of a snapshot')
    if (chance(site, 0.5)) snapshot.close()
    else kept.push(one)
  }

  #flush(): void {
    const { db, other, erased, board, random } = this.site
    const way = random()
    const space = [db, other, erased][pick(random, 3)] ?? db
    if (way < 0.7) {
      board.begin('flushSync')
      space.flushSync()
    } else if (way < 0.8) {
      board.begin('compactSync')
      space.compactSync()
    } else {
      board.begin('persistSync')
      db.persistSync('os')
    }
  }
}

/** The life of a guest. */
export async function beGuest(): Promise<void> {
  const { thread, seed, handle, board: memory, hasJournal } = workerData as GuestData
  const board = new Board(memory, thread)
  board.begin('attaching')
  const db = attach(handle, { keyEncoding: 'utf8', valueEncoding: 'bytes' })
  const random = mulberry32(seed)
  board.noteReady()
  while (!board.areAllReady) await setTimeout(5)
  const startMs = performance.now()
  let ids = 0
  const text = { keyEncoding: 'utf8' } as const
  const site: Site = {
    thread,
    db,
    other: db.keyspaceSync('other', text),
    erased: db.keyspaceSync('erased', text),
    board,
    random,
    hasJournal,
    nextId: () => ++ids * 4 + thread,
  }
  const guest = new Guest(site)
  let found: Found | undefined
  const note = (error: unknown): void => {
    found ??= { ...describe(error, board, thread), afterMs: performance.now() - startMs }
    board.stop()
  }
  const loops = [guest.useAll().catch(note), guest.readSlowly().catch(note)]
  if (thread === 0) loops.push(guest.keepHouse().catch(note))
  await Promise.all(loops)
  board.begin('close')
  try {
    if (found === undefined) for (const { snapshot } of guest.kept) snapshot.close()
    await db.close()
  } catch (error) {
    note(error)
  }
  const { operations, snapshots } = guest
  const registers = guest.registers.history.numbers()
  const report: GuestReport = { thread, operations, snapshots, registers, found }
  parentPort?.postMessage(report)
  board.end()
}

function describe(error: unknown, board: Board, thread: number): { history: History; message: string } {
  if (error instanceof Anomaly) return { history: error.history, message: error.message }
  const code = error instanceof VarveError ? `${error.code}: ` : ''
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error)
  return { history: 'errors', message: `${code}in ${board.call(thread)}: ${stack}` }
}
