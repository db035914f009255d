/** What the journal tests share: a kernel, a log under test with everything that was done to it, and its reading. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { KIND_BATCH, KIND_GAP, type JournalHeader, type JournalLink } from '../../src/journal/format.ts'
import { decideLogEnd, type LogEnd, type RecoveryPolicy } from '../../src/journal/log-end.ts'
import { readFrames } from '../../src/journal/reader.ts'
import { scanJournals, type JournalSource } from '../../src/journal/scan.ts'
import type { JournalWriter } from '../../src/journal/writer.ts'
import { VarveError } from '../../src/errors.ts'
import { journalFileName } from '../../src/fs/file-names.ts'
import type { File } from '../../src/fs/filesystem.ts'
import { Kernel } from '../../src/kernel/kernel.ts'
import { useKernelModule } from '../../src/kernel/load.ts'

/** VARVE_WASM names another build of the kernel, for example the debug one, with asserts. */
const otherBuild = process.env['VARVE_WASM']
if (otherBuild !== undefined) useKernelModule(new WebAssembly.Module(readFileSync(otherBuild)))

export const MIB = 1048576

export function testKernel(memoryLimit: number = 16 * MIB): Kernel {
  return Kernel.create(memoryLimit, Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8))
}

export const databaseId: Uint8Array = Uint8Array.from({ length: 16 }, (_, i) => 0xd0 + i)
export const bootA: Uint8Array = Uint8Array.from({ length: 16 }, (_, i) => 0xa0 + i)
export const bootB: Uint8Array = Uint8Array.from({ length: 16 }, (_, i) => 0xb0 + i)
export const unknownBoot: Uint8Array = new Uint8Array(16)

export function headerOf(
  journalId: number,
  predecessor?: JournalLink,
  more: Partial<JournalHeader> = {},
): JournalHeader {
  const salt = Uint8Array.from({ length: 16 }, (_, i) => (journalId * 31 + i * 7) & 0xff)
  return { databaseId, journalId, epoch: 1, bootId: bootA, predecessor, salt, ...more }
}

/** A payload that could be a batch of `count` entries: at least 12 bytes for each. */
export function payloadOf(seed: number, bytes: number, count = 1): Uint8Array {
  const payload = new Uint8Array(Math.max(bytes, 12 * count))
  let state = seed | 1
  for (let i = 0; i < payload.byteLength; i++) {
    state = (Math.imul(state, 1103515245) + 12345) | 0
    payload[i] = state >>> 16
  }
  return payload
}

/** A record as appendRecord takes it. */
export function recordOf(payload: Uint8Array): Uint8Array {
  const record = new Uint8Array(40 + payload.byteLength + 8).fill(0xee)
  record.set(payload, 40)
  return record
}

export type Way = 'append' | 'record'

/** Writes one batch the way the engine does: seqnos taken, payload built in place or handed over. */
export function put(
  kernel: Kernel,
  writer: JournalWriter,
  payload: Uint8Array,
  count = 1,
  hold = false,
  way: Way = 'append',
): void {
  const { exports, slot } = kernel
  if (way === 'append') {
    const at = writer.reserve(payload.byteLength)
    if (at !== 0) {
      kernel.u8.set(payload, at)
      exports.beginGroup(slot, count)
      writer.append(KIND_BATCH, count, payload.byteLength, hold)
      return
    }
  }
  exports.beginGroup(slot, count)
  writer.appendRecord(recordOf(payload), payload.byteLength, count, hold)
}

export interface ReadFrame {
  journal: number
  offset: number
  kind: number
  count: number
  baseSeqno: number
  syncedOffset: number
  payload: Uint8Array
}

/** All frames of a journal up to `end`. */
export function framesOf(
  kernel: Kernel,
  file: File,
  journal: number,
  end: number,
  cap: number = 64 * MIB,
): ReadFrame[] {
  const frames: ReadFrame[] = []
  for (const { offset, kind, count, baseSeqno, syncedOffset, payload } of readFrames(
    kernel,
    file,
    end,
    cap,
  )) {
    frames.push({ journal, offset, kind, count, baseSeqno, syncedOffset, payload: Uint8Array.from(payload) })
  }
  return frames
}

/** What a reader finds in the file of a writer whose first seqno was 1. */
export function contentOf(kernel: Kernel, file: File, writer: JournalWriter): ReadFrame[] {
  const frames = framesOf(kernel, file, writer.id, writer.length)
  checkSeqnos(frames, 1)
  return frames
}

/** Digests of the batches. */
export function payloadsOf(frames: readonly ReadFrame[]): string[] {
  return frames.filter(({ kind }) => kind === KIND_BATCH).map(({ payload }) => digest(payload))
}

export interface Reading {
  end: LogEnd
  /** The frames to replay. */
  frames: ReadFrame[]
}

/** Recovery as the engine does it: scan, decide, read. An error is returned. */
export function recover(
  kernel: Kernel,
  sources: readonly JournalSource[],
  bootId: Uint8Array,
  policy: RecoveryPolicy = 'tolerate-tail',
  epoch = 1000,
): Reading | VarveError {
  const evidence = scanJournals(kernel, sources)
  const end = decideLogEnd({ databaseId, epoch, bootId, policy, journals: evidence })
  if (end instanceof VarveError) return end
  const frames: ReadFrame[] = []
  for (const [index, { id, length }] of end.journals.entries()) {
    const file = sources[index]?.file
    if (length > 0 && file !== undefined) frames.push(...framesOf(kernel, file, id, length))
  }
  return { end, frames }
}

/** Seqnos follow each other without holes; gaps count. @returns what follows the last */
export function checkSeqnos(frames: readonly ReadFrame[], first: number): number {
  let next = first
  for (const { baseSeqno, count, kind, offset, journal } of frames) {
    if (baseSeqno !== next)
      throw new Error(`journal ${journal}, offset ${offset}: ${baseSeqno} after ${next}`)
    if (kind !== KIND_BATCH && kind !== KIND_GAP) throw new Error(`kind ${kind}`)
    next += count
  }
  return next
}

/** Bytes as a read-only file that does nothing else. */
export class BytesFile implements File {
  readonly descriptor = -1
  readonly name: string
  bytes: Uint8Array

  constructor(id: number, bytes: Uint8Array) {
    this.name = journalFileName(id)
    this.bytes = bytes
  }

  size(): number {
    return this.bytes.byteLength
  }

  read(target: Uint8Array, position: number): number {
    const length = Math.max(0, Math.min(target.byteLength, this.bytes.byteLength - position))
    target.set(this.bytes.subarray(position, position + length))
    return length
  }

  write(): void {
    throw new Error('read-only')
  }

  truncate(): void {
    throw new Error('read-only')
  }

  sync(): void {}

  async syncAsync(): Promise<void> {}

  close(): void {}
}

export interface FileFaults {
  /** Before each operation: throw to fail it, or a number of bytes after which a write runs out of space. */
  write?: (call: number, length: number) => number | undefined
  truncate?: () => void
  sync?: (call: number) => void
}

/** A file in memory with faults on demand, that remembers what was synced. */
export class ProbeFile extends BytesFile {
  faults: FileFaults = {}
  writes: { position: number; length: number }[] = []
  syncs = 0
  truncates: number[] = []
  closed = false
  /** Content at the last sync. */
  durable: Uint8Array = new Uint8Array(0)
  /** Set to hold back asynchronous syncs: call it to let the oldest go on. */
  pendingSyncs: { resolve: () => void; reject: (error: unknown) => void; seen: Uint8Array }[] = []
  holdSyncs = false

  constructor(id: number) {
    super(id, new Uint8Array(0))
  }

  override write(source?: Uint8Array, start = 0, length = 0, position = 0): void {
    if (source === undefined) throw new Error('no source')
    const call = this.writes.push({ position, length })
    const landing = this.faults.write?.(call, length) ?? length
    const end = position + landing
    if (end > this.bytes.byteLength) {
      const grown = new Uint8Array(end)
      grown.set(this.bytes)
      this.bytes = grown
    }
    this.bytes.set(source.subarray(start, start + landing), position)
    if (landing < length) throw new VarveError('DISK_FULL', 'no space (injected)', { file: this.name })
  }

  override truncate(size = 0): void {
    this.truncates.push(size)
    this.faults.truncate?.()
    this.bytes = this.bytes.slice(0, size)
  }

  override sync(): void {
    this.syncs++
    this.faults.sync?.(this.syncs)
    this.durable = this.bytes.slice()
  }

  override async syncAsync(): Promise<void> {
    this.syncs++
    const call = this.syncs
    const seen = this.bytes.slice()
    if (this.holdSyncs) {
      await new Promise<void>((resolve, reject) => this.pendingSyncs.push({ resolve, reject, seen }))
    } else {
      await Promise.resolve()
    }
    this.faults.sync?.(call)
    this.durable = seen
  }

  override close(): void {
    this.closed = true
  }
}

/** Stands for bytes that would be slow to compare and long to print. */
export function digest(bytes: Uint8Array): string {
  return `${bytes.byteLength}:${createHash('sha1').update(bytes).digest('hex')}`
}

/** The error something throws. */
export function thrown(run: () => void): unknown {
  try {
    run()
  } catch (error) {
    return error
  }
  throw new Error('nothing was thrown')
}

export function codeOf(run: () => void): string {
  const error = thrown(run)
  if (!(error instanceof VarveError)) throw error
  return error.code
}
