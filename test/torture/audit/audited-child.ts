/**
 * The program whose calls are traced: node audited-child.mjs '{"directory":…,"seed":…}'. It writes in every way there is, on two threads, and says which commits were acknowledged with `sync`. Values name their
 * commit. Where a sync fails it ends: the database is poisoned.
 */
import { openSync, writeSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { isMainThread, parentPort, Worker } from 'node:worker_threads'
import { attach, open, VarveError, type Database, type SharedDatabase } from '../../../src/index.ts'
import { mulberry32, pick } from '../../support/random.ts'
import { ACKNOWLEDGED } from './strace.ts'

export interface AuditedRequest {
  readonly directory: string
  readonly seed: number
}

interface GuestTask {
  readonly handle: SharedDatabase
  readonly first: number
  readonly descriptor: number
}

type Store = Database<'bytes', 'bytes'>

const LAPS = 3
const STEPS = 120
const GUEST_COMMITS = 40
/** Numbers of the other thread's commits begin here. */
const GUEST_FIRST = 1_000_000

const acknowledge = (descriptor: number, commit: number): void =>
  void writeSync(descriptor, `${ACKNOWLEDGED}${commit}\n`)

async function write({ directory, seed }: AuditedRequest): Promise<void> {
  const random = mulberry32(seed)
  const descriptor = openSync('/dev/null', 'w')
  let commit = 0
  for (let lap = 0; lap < LAPS; lap++) {
    const durability = (['os', 'sync', 'buffered'] as const)[lap] ?? 'os'
    const db: Store = await open(directory, { durability, memtableSize: 8192, memoryLimit: 16 << 20 })
    const other = db.keyspaceSync(`other-${lap}`)
    const handle = await db.share()
    const guest = new Worker(new URL(import.meta.url))
    const ended = new Promise<unknown>((resolve) => {
      guest.once('message', resolve)
      guest.once('exit', () => resolve('it ended'))
    })
    const task: GuestTask = { handle, descriptor, first: GUEST_FIRST + lap * GUEST_COMMITS }
    guest.postMessage(task, [...handle.transfer] as never[])
    for (let step = 0; step < STEPS; step++) {
      commit++
      const level = (['buffered', 'os', 'os', 'sync'] as const)[pick(random, 4)] ?? 'os'
      const value = `${commit}:`.padEnd(random() < 0.02 ? 40_000 : 20 + pick(random, 400), 'v')
      const key = `k${pick(random, 60)}`
      const way = random()
      if (way < 0.3) db.putSync(key, value, { durability: level })
      else if (way < 0.5) await db.put(key, value, { durability: level })
      else {
        const batch = db.batch().put(key, value).put(other, key, value)
        if (random() < 0.5) batch.commitSync({ durability: level })
        else await batch.commit({ durability: level })
      }
      if (level === 'sync') acknowledge(descriptor, commit)
      if (random() < 0.03) await db.flush()
      if (random() < 0.01) await db.compact()
      if (random() < 0.03) {
        await db.persist('sync')
        acknowledge(descriptor, commit)
      }
      if (random() < 0.1) await setTimeout(1)
    }
    const failure = await ended
    if (failure !== undefined) throw failure
    if (lap > 0) db.dropKeyspaceSync(`other-${lap - 1}`)
    await db.close()
    acknowledge(descriptor, commit)
  }
}

async function writeAsGuest(): Promise<void> {
  const { handle, first, descriptor } = await new Promise<GuestTask>((resolve) =>
    parentPort?.once('message', resolve),
  )
  const db: Store = attach(handle)
  for (let commit = first; commit < first + GUEST_COMMITS; commit++) {
    const value = `${commit}:`.padEnd(300, 'g')
    if (commit % 2 === 0) db.putSync(`g${commit % 20}`, value, { durability: 'sync' })
    else await db.put(`g${commit % 20}`, value, { durability: 'sync' })
    acknowledge(descriptor, commit)
  }
  await db.close()
}

const isPoisoned = (error: unknown): boolean =>
  error instanceof VarveError && ['POISONED', 'CLOSED', 'IO'].includes(error.code)

if (isMainThread) {
  try {
    await write(JSON.parse(process.argv[2] ?? '') as AuditedRequest)
  } catch (error) {
    if (!isPoisoned(error)) throw error
  }
  process.exit()
} else {
  const failure = await writeAsGuest().catch((error: unknown) => error)
  // NOTE: the owner finds out by itself.
  parentPort?.postMessage(isPoisoned(failure) ? undefined : failure)
}
