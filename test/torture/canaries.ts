/**
 * RELIABILITY.md 4.5: what lies in memory that is free never reaches a file, and what a user removed leaves the files when a compaction has dropped it. Between the
 * steps of a workload all free pages and records are filled with a pattern; after each step no file may contain it, and what pads the formats is zero.
 */
import { CONTROL_FREE_PAGES, PAGE_BYTES } from '../../assembly/memory/layout.ts'
import type { Kernel } from '../../src/kernel/kernel.ts'
import { engineOf } from '../integration/regressions/support.ts'
import { readBlock } from '../kernel/table-format.ts'
import { FaultyFileSystem } from '../support/faulty.ts'
import { mulberry32 } from '../support/random.ts'
import { Run, Violation } from './runner.ts'
import { type Step, type Workload, makeWorkload, settings } from './workload.ts'

export interface CanaryBudget {
  readonly seed: number
  readonly seconds: number
  readonly workloads?: number
  readonly steps?: number
  /** The disk to run on, for positive controls. */
  readonly disk?: (files: FaultyFileSystem) => FaultyFileSystem
}

export interface CanarySummary {
  program: string
  seed: number
  seconds: number
  workloads: number
  /** Bytes of free memory that were filled. */
  plantedBytes: number
  /** Bytes of files that were searched. */
  searchedBytes: number
  files: number
}

/** 16 bytes that nothing else makes. */
const CANARY: Buffer = Buffer.from('c0deadca4a12beefc3a5f00dd15ea5e7', 'hex')
/** Part of it is enough. */
const SOUGHT: Buffer = CANARY.subarray(0, 8)
const FOOTER_MAGIC = 'VARVETBL'
const RECORD_BYTES = [64, 256, 1024, 4096, 16_384, 32_768, 65_536]
/** Of values in the nodes, beside them, in chains of pages and in extents. */
const USER_BYTES = [20, 700, 33_000, 300_000]

export async function canaries(budget: CanaryBudget): Promise<CanarySummary> {
  const began = Date.now()
  const { seed, seconds, workloads = Infinity, steps = 40 } = budget
  const summary: CanarySummary = {
    program: 'canaries',
    seed,
    seconds: 0,
    workloads: 0,
    plantedBytes: 0,
    searchedBytes: 0,
    files: 0,
  }
  while (summary.workloads < workloads && (summary.workloads === 0 || Date.now() - began < seconds * 1000)) {
    const current = seed + summary.workloads
    const setting = settings[current % settings.length] ?? { durability: 'os', memtableSize: 4096 }
    const workload = makeWorkload(mulberry32(current), setting, steps)
    try {
      await runPlanted(workload, summary, budget.disk ?? ((files) => files))
    } catch (error) {
      if (!(error instanceof Violation)) throw error
      throw new Violation(
        `${error.message}\n  setting ${JSON.stringify(setting)}\n` +
          `  node test/torture/run.mjs canaries --seed ${current} --steps ${steps} --workloads 1`,
        { cause: error },
      )
    }
    summary.workloads++
  }
  summary.seconds = (Date.now() - began) / 1000
  return summary
}

async function runPlanted(
  workload: Workload,
  summary: CanarySummary,
  disk: (files: FaultyFileSystem) => FaultyFileSystem,
): Promise<void> {
  const files = new FaultyFileSystem()
  const run = new Run(disk(files), workload.setting)
  await run.open()
  const take = async (step: Step, what: string): Promise<void> => {
    summary.plantedBytes += plant(engineOf(run.database).kernel)
    await run.run(step)
    search(files, SOUGHT, `after ${what}: memory that was free`, summary)
    for (const [name, bytes] of files.snapshotFiles()) checkPadding(name, bytes)
  }
  for (const [i, step] of workload.steps.entries()) await take(step, `step ${i}, ${JSON.stringify(step)}`)
  await forget(run, files, take, summary)
  await run.close()
  search(files, SOUGHT, 'after close(): memory that was free', summary)
}

/** Writes values that can be recognised, removes them, and waits until nothing needs them any more. */
async function forget(
  run: Run,
  files: FaultyFileSystem,
  take: (step: Step, what: string) => Promise<void>,
  summary: CanarySummary,
): Promise<void> {
  run.closeSnapshot()
  const { database } = run
  const marks = USER_BYTES.map((length, i) => Buffer.from(`#secret ${i} of ${length}#`))
  for (const [i, length] of USER_BYTES.entries()) {
    const value = Buffer.alloc(length)
    for (let at = 0; at < length; at += marks[i]?.byteLength ?? length) marks[i]?.copy(value, at)
    database.putSync(`secret ${i}`, value)
    if (i % 2 === 0) await database.flush()
  }
  for (const i of USER_BYTES.keys()) {
    if (i % 2 === 0) database.deleteSync(`secret ${i}`)
    else {
      database.putSync(`secret ${i}`, 'overwritten')
      database.deleteSync(`secret ${i}`)
    }
  }
  await take({ do: 'flush', keyspace: undefined, sync: false }, 'a flush')
  await take({ do: 'compact', keyspace: undefined, sync: false }, 'a compaction')
  // The journals that have them go with the next epoch and the flush after it.
  const write = { keyspace: '', key: 'k1', valueBytes: 30 }
  for (const step of [
    { do: 'reopen' },
    { do: 'write', write, sync: true, durability: undefined },
    { do: 'flush', keyspace: undefined, sync: true },
    { do: 'reopen' },
    { do: 'write', write, sync: true, durability: undefined },
    { do: 'flush', keyspace: undefined, sync: true },
  ] as const)
    await take(step, step.do)
  for (const mark of marks) search(files, mark, `removed and compacted: ${mark.toString()}`, summary)
}

/** Fills all that is free. @returns how many bytes */
function plant(kernel: Kernel): number {
  const { exports, u8, u32 } = kernel
  const pages = Array.from(
    { length: u32[CONTROL_FREE_PAGES >>> 2] as number },
    () => exports.allocatePage() >>> 0,
  )
  const fill = (from: number, length: number): void => {
    CANARY.copy(u8, from)
    for (let done = CANARY.byteLength; done < length; done *= 2)
      u8.copyWithin(from + done, from, from + Math.min(done, length - done))
  }
  let planted = 0
  // Without a page left only free records are given out.
  for (const size of RECORD_BYTES) {
    const records: number[] = []
    for (
      let record = exports.allocateRecord(size) >>> 0;
      record !== 0;
      record = exports.allocateRecord(size) >>> 0
    ) {
      fill(record, size)
      planted += size
      records.push(record)
    }
    for (const record of records) exports.freeRecord(record, size)
  }
  for (const page of pages) fill(page, PAGE_BYTES)
  // As they were: the one that was on top is the next one again.
  for (const page of pages.reverse()) exports.freePage(page)
  // What a call was given is nobody's any more when it has returned.
  fill(kernel.input, PAGE_BYTES / 2)
  return planted + pages.length * PAGE_BYTES + PAGE_BYTES / 2
}

function search(files: FaultyFileSystem, sought: Buffer, what: string, summary: CanarySummary): void {
  for (const [name, bytes] of files.snapshotFiles()) {
    summary.files++
    summary.searchedBytes += bytes.byteLength
    const at = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).indexOf(sought)
    if (at >= 0) throw new Violation(`${what} is in ${name} at ${at}`)
  }
}

/** What lies between the parts of a file is zero, and there is nothing behind them. */
function checkPadding(name: string, bytes: Uint8Array): void {
  if (name.endsWith('.wal')) checkFrames(name, withoutRoom(bytes), 40)
  else if (name.endsWith('.man')) checkFrames(name, bytes, 24)
  else if (name.endsWith('.sst') && bytes.byteLength > 128) checkBlocks(name, bytes)
}

/** A journal up to its last frame: zeros may follow it, up to a multiple of 4096. */
function withoutRoom(bytes: Uint8Array): Uint8Array {
  if (bytes.byteLength % 4096 !== 0) return bytes
  return bytes.subarray(0, 8 * Math.ceil((bytes.findLastIndex((byte) => byte !== 0) + 1) / 8))
}

function checkFrames(name: string, bytes: Uint8Array, headerBytes: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = 128
  while (at + headerBytes <= bytes.byteLength) {
    const end = at + headerBytes + view.getUint32(at + 8, true)
    at = Math.ceil(end / 8) * 8
    if (bytes.subarray(end, at).some((byte) => byte !== 0))
      throw new Violation(`${name}: padding at ${end} is not zero`)
  }
  if (bytes.byteLength > 0 && at !== bytes.byteLength)
    throw new Violation(`${name}: there is something behind the last frame`)
}

function checkBlocks(name: string, bytes: Uint8Array): void {
  // One that is being written has no footer yet.
  if (Buffer.from(bytes.subarray(-8)).toString('latin1') !== FOOTER_MAGIC) return
  const salt = bytes.subarray(16, 32)
  let at = 64
  while (at < bytes.byteLength - 64) at += readBlock(bytes, at, salt).size
  if (at !== bytes.byteLength - 64) throw new Violation(`${name}: its blocks do not fill it`)
}
