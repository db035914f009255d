import { beforeEach, describe, expect, it } from 'vitest'
import { VarveError } from '../../src/errors.ts'
import { KIND_BATCH, KIND_GAP } from '../../src/journal/format.ts'
import { JournalWriter } from '../../src/journal/writer.ts'
import type { Kernel } from '../../src/kernel/kernel.ts'
import {
  codeOf,
  contentOf,
  digest,
  framesOf,
  headerOf,
  payloadOf,
  payloadsOf,
  ProbeFile,
  put,
  recordOf,
  testKernel,
  thrown,
  type ReadFrame,
} from './support.ts'

let kernel: Kernel
let file: ProbeFile
let writer: JournalWriter

beforeEach(() => {
  kernel = testKernel()
  file = new ProbeFile(1)
  writer = JournalWriter.begin(kernel, file, headerOf(1), 1)
})

/** What a reader finds in the file now. */
function content(): ReadFrame[] {
  return contentOf(kernel, file, writer)
}

function briefly(): object[] {
  return content().map((frame) => ({ ...frame, payload: digest(frame.payload) }))
}

function payloads(): string[] {
  return payloadsOf(content())
}

function digests(...list: Uint8Array[]): string[] {
  return list.map(digest)
}

/** The next writes run out of space after so many bytes. */
function noSpace(...landing: number[]): void {
  file.faults.write = () => landing.shift()
}

const a = payloadOf(1, 20)
const b = payloadOf(2, 33)
const c = payloadOf(3, 100)

describe('no space', () => {
  it('cuts back to where the write started, enters the seqnos as lost, and goes on', () => {
    put(kernel, writer, a)
    const before = writer.length
    const { chain } = writer
    noSpace(17)
    const error = thrown(() => put(kernel, writer, b, 3))
    expect(error).toBeInstanceOf(VarveError)
    expect(error).toMatchObject({ code: 'DISK_FULL', file: file.name })
    expect(file.truncates).toEqual([before])
    expect(file.syncs).toBe(1)
    expect(file.bytes.byteLength).toBe(before)
    expect(writer.length).toBe(before)
    expect(writer.syncedOffset).toBe(before)
    expect(writer.chain).toEqual(chain)
    expect(writer.poisoned).toBeUndefined()
    file.faults = {}
    put(kernel, writer, c)
    expect(file.writes.at(-1)).toEqual({ position: before, length: 40 + 144 })
    expect(briefly()).toMatchObject([
      { kind: KIND_BATCH, baseSeqno: 1, payload: digest(a) },
      { kind: KIND_GAP, baseSeqno: 2, count: 3, syncedOffset: before },
      { kind: KIND_BATCH, baseSeqno: 5, payload: digest(c), syncedOffset: before },
    ])
  })

  it('joins the losses of several groups into one gap', () => {
    noSpace(0, 130, 150)
    for (const [count, way] of [
      [1, 'append'],
      [2, 'record'],
      [5, 'append'],
    ] as const) {
      expect(codeOf(() => put(kernel, writer, a, count, count === 2, way))).toBe('DISK_FULL')
    }
    expect(file.bytes.byteLength).toBe(0)
    put(kernel, writer, b)
    expect(briefly()).toMatchObject([
      { kind: KIND_GAP, baseSeqno: 1, count: 8 },
      { kind: KIND_BATCH, baseSeqno: 9, payload: digest(b) },
    ])
  })

  it('keeps acknowledged frames in the buffer and writes them first', () => {
    put(kernel, writer, a, 1, true)
    noSpace(150, 0)
    expect(codeOf(() => put(kernel, writer, b))).toBe('DISK_FULL')
    expect(writer.bufferedBytes).toBe(128 + 64)
    expect(codeOf(() => writer.writeOut())).toBe('DISK_FULL')
    expect(writer.bufferedBytes).toBe(128 + 64)
    put(kernel, writer, c)
    expect(payloads()).toEqual(digests(a, c))
    expect(content().map(({ kind }) => kind)).toEqual([KIND_BATCH, KIND_GAP, KIND_BATCH])
  })

  it('acknowledges nothing into the buffer while the disk is full', () => {
    put(kernel, writer, a, 1, true)
    noSpace(0, 0)
    expect(codeOf(() => writer.writeOut())).toBe('DISK_FULL')
    expect(codeOf(() => put(kernel, writer, b, 1, true))).toBe('DISK_FULL')
    put(kernel, writer, c, 1, true)
    expect(writer.bufferedBytes).toBe(0)
    put(kernel, writer, b, 1, true)
    expect(writer.bufferedBytes).toBe(80)
    writer.writeOut()
    expect(payloads()).toEqual(digests(a, c, b))
  })

  it('loses no seqno when making room for a frame fails', () => {
    put(kernel, writer, payloadOf(8, 60_000), 1, true)
    noSpace(0)
    expect(codeOf(() => writer.reserve(100_000))).toBe('DISK_FULL')
    noSpace(0)
    expect(codeOf(() => put(kernel, writer, payloadOf(9, 100_000), 2, true, 'record'))).toBe('DISK_FULL')
    put(kernel, writer, b)
    expect(briefly()).toMatchObject([
      { kind: KIND_BATCH, baseSeqno: 1 },
      { kind: KIND_GAP, baseSeqno: 2, count: 2 },
      { kind: KIND_BATCH, baseSeqno: 4, payload: digest(b) },
    ])
  })

  it.each([0, 1])('cuts back a long record too, at write %i of two', (failing) => {
    const long = payloadOf(4, 200_000)
    put(kernel, writer, a, 1, true)
    noSpace(...(failing === 0 ? [60] : [128 + 64, 100_000]))
    expect(codeOf(() => put(kernel, writer, long, 7, false, 'record'))).toBe('DISK_FULL')
    file.faults = {}
    expect(file.bytes.byteLength).toBe(failing === 0 ? 0 : 128 + 64)
    put(kernel, writer, long, 7, false, 'record')
    put(kernel, writer, b)
    expect(briefly()).toMatchObject([
      { kind: KIND_BATCH, baseSeqno: 1, count: 1, payload: digest(a) },
      { kind: KIND_GAP, baseSeqno: 2, count: 7 },
      { kind: KIND_BATCH, baseSeqno: 9, count: 7, payload: digest(long) },
      { kind: KIND_BATCH, baseSeqno: 16, payload: digest(b) },
    ])
  })

  it('enters groups that failed before they were appended', () => {
    put(kernel, writer, a)
    writer.reserve(10)
    kernel.exports.beginGroup(kernel.slot, 4)
    writer.abandonGroup(4)
    kernel.exports.beginGroup(kernel.slot, 1)
    expect(() => writer.append(KIND_BATCH, 1, 10, false)).toThrow('no frame of this size')
    writer.abandonGroup(1)
    put(kernel, writer, b, 1, true)
    expect(writer.bufferedBytes).toBe(40 + 80)
    writer.writeOut()
    expect(briefly()).toMatchObject([
      { payload: digest(a) },
      { kind: KIND_GAP, baseSeqno: 2, count: 5 },
      { payload: digest(b) },
    ])
  })

  it('writes the gap alone when asked to, and splits one that is too long for a frame', () => {
    put(kernel, writer, a)
    const { exports, slot } = kernel
    for (let i = 0; i < 5; i++) {
      exports.setGroup(slot, 2 + i * 0xc0000000, 0xc0000000)
      writer.abandonGroup(0xc0000000)
    }
    exports.setGroup(slot, 2 + 5 * 0xc0000000, 1)
    kernel.u8.set(b, writer.reserve(b.byteLength))
    writer.append(KIND_BATCH, 1, b.byteLength, false)
    expect(content().map(({ kind, baseSeqno, count }) => [kind, baseSeqno, count])).toEqual([
      [KIND_BATCH, 1, 1],
      [KIND_GAP, 2, 0xffffffff],
      [KIND_GAP, 2 + 0xffffffff, 0xffffffff],
      [KIND_GAP, 2 + 2 * 0xffffffff, 0xffffffff],
      [KIND_GAP, 2 + 3 * 0xffffffff, 5 * 0xc0000000 - 3 * 0xffffffff],
      [KIND_BATCH, 2 + 5 * 0xc0000000, 1],
    ])
  })

  it('carries seqnos across 2^32', () => {
    const other = new ProbeFile(2)
    const late = JournalWriter.begin(kernel, other, headerOf(2), 2 ** 32 - 2)
    kernel.exports.setGroup(kernel.slot, 2 ** 32 - 2, 3)
    late.appendRecord(recordOf(payloadOf(1, 36)), 36, 3, false)
    kernel.exports.setGroup(kernel.slot, 2 ** 32 + 1, 1)
    late.appendRecord(recordOf(a), a.byteLength, 1, false)
    expect(framesOf(kernel, other, 2, late.length).map(({ baseSeqno }) => baseSeqno)).toEqual([
      2 ** 32 - 2,
      2 ** 32 + 1,
    ])
  })
})

describe('poison', () => {
  const eio = (): never => {
    throw new VarveError('IO', 'injected', { file: 'x' })
  }
  const afterwards = async (): Promise<void> => {
    const { poisoned } = writer
    expect(poisoned).toMatchObject({ code: 'POISONED', file: file.name })
    expect(poisoned?.message).toContain('unknown')
    file.faults = {}
    const { length } = writer
    const operations = file.writes.length + file.syncs + file.truncates.length
    expect(thrown(() => writer.reserve(1))).toBe(poisoned)
    expect(thrown(() => writer.append(KIND_BATCH, 1, 1, false))).toBe(poisoned)
    expect(thrown(() => writer.appendRecord(recordOf(a), 20, 1, true))).toBe(poisoned)
    expect(thrown(() => writer.writeOut())).toBe(poisoned)
    expect(thrown(() => writer.sync())).toBe(poisoned)
    expect(thrown(() => writer.seal())).toBe(poisoned)
    await expect(writer.syncAsync()).rejects.toBe(poisoned)
    expect(writer.length).toBe(length)
    expect(file.writes.length + file.syncs + file.truncates.length).toBe(operations)
    writer.close()
    expect(file.closed).toBe(true)
  }

  it('follows a write error', async () => {
    put(kernel, writer, a)
    file.faults.write = eio
    expect(codeOf(() => put(kernel, writer, b))).toBe('POISONED')
    expect(file.truncates).toEqual([])
    await afterwards()
    expect(payloads()).toEqual(digests(a))
  })

  it('follows any other failure of a write', async () => {
    file.faults.write = () => {
      throw new RangeError('a bug')
    }
    expect(codeOf(() => put(kernel, writer, b))).toBe('POISONED')
    expect(writer.poisoned?.cause).toBeInstanceOf(RangeError)
    await afterwards()
  })

  it('follows a failed cut', async () => {
    put(kernel, writer, a)
    noSpace(5)
    file.faults.truncate = eio
    expect(codeOf(() => put(kernel, writer, b))).toBe('POISONED')
    expect(file.syncs).toBe(0)
    await afterwards()
  })

  it('follows a failed sync after a cut', async () => {
    put(kernel, writer, a)
    noSpace(5)
    file.faults.sync = eio
    expect(codeOf(() => put(kernel, writer, b))).toBe('POISONED')
    expect(writer.syncedOffset).toBe(0)
    await afterwards()
  })

  it.each(['IO', 'DISK_FULL'] as const)('follows a failed sync (%s)', async (code) => {
    put(kernel, writer, a)
    file.faults.sync = () => {
      throw new VarveError(code, 'injected')
    }
    expect(codeOf(() => writer.sync())).toBe('POISONED')
    await afterwards()
  })

  it('follows a failed asynchronous sync', async () => {
    put(kernel, writer, a)
    file.faults.sync = eio
    await expect(writer.syncAsync()).rejects.toMatchObject({ code: 'POISONED' })
    expect(writer.syncedOffset).toBe(0)
    await afterwards()
  })
})
