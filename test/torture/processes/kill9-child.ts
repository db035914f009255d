/**
 * The process that `kill9` kills: it opens the database, shares it with three more threads, and all four write until the end. It is started ahead and told by IPC what to do;
 * what it says goes to descriptor 3, which is blocking, so that each word is out before the next thing happens.
 */
import { openSync, writeSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { attach, open, VarveError, type SharedDatabase } from '../../../src/index.ts'
import { WRITERS } from './commits.ts'
import { Account, lastCommit, Writer, type Store, type WriterPlan } from './kill9-writer.ts'

export interface LifeRequest extends WriterPlan {
  readonly directory: string
  /** Where the account goes. */
  readonly accountFile: string
  /** After so many milliseconds it closes the database, unless it was killed. */
  readonly closeAfterMs: number
  /** It closes while the other threads go on. */
  readonly closesBusy: boolean
}

interface GuestTask extends WriterPlan {
  readonly handle: SharedDatabase
  readonly accountDescriptor: number
  readonly writer: number
}

const tell = (word: string): void => void writeSync(3, `${word}\n`)

async function beVictim(): Promise<void> {
  const over = new Int32Array(new SharedArrayBuffer(4))
  const isOver = (): boolean => Atomics.load(over, 0) !== 0
  const guests = Array.from(
    { length: WRITERS - 1 },
    () => new Worker(new URL(import.meta.url), { workerData: over }),
  )
  await Promise.all(guests.map((guest) => new Promise((resolve) => guest.once('message', resolve))))
  const request = new Promise<LifeRequest>((resolve) => process.once('message', resolve))
  tell('ready')
  const { directory, accountFile, closeAfterMs, closesBusy, ...plan } = await request
  const accountDescriptor = openSync(accountFile, 'a')
  tell('opening')
  const db: Store = await open(directory, { memtableSize: 16_384, memoryLimit: 32 << 20 })
  db.keyspaceSync('other')
  const found = Array.from({ length: WRITERS }, (_, writer) => lastCommit(db, writer))
  tell(`found ${found.join(' ')}`)
  for (const [i, guest] of guests.entries()) {
    const handle = await db.share()
    const task: GuestTask = { ...plan, handle, accountDescriptor, writer: i + 1 }
    guest.postMessage(task, [...handle.transfer] as never[])
  }
  tell('working')
  const ended = Promise.all(guests.map((guest) => new Promise((resolve) => guest.once('exit', resolve))))
  const running = new Writer(db, new Account(accountDescriptor), 0, plan).run(isOver)
  await Promise.race([setTimeout(closeAfterMs), running])
  Atomics.store(over, 0, 1)
  await running
  if (!closesBusy) await ended
  tell('closing')
  await db.close()
  tell('closed')
  process.disconnect()
}

async function beGuest(): Promise<void> {
  const over = workerData as Int32Array
  const task = new Promise<GuestTask>((resolve) => parentPort?.once('message', resolve))
  parentPort?.postMessage('ready')
  const { handle, accountDescriptor, writer, ...plan } = await task
  try {
    const db: Store = attach(handle)
    await new Writer(db, new Account(accountDescriptor), writer, plan).run(() => Atomics.load(over, 0) !== 0)
    await db.close()
  } catch (error) {
    // The owner has closed the database.
    const isClosed = error instanceof VarveError && error.code === 'CLOSED'
    if (!isClosed || Atomics.load(over, 0) === 0) throw error
  }
}

if (isMainThread) await beVictim()
else await beGuest()
