import { beforeEach, describe, expect, it } from 'vitest'
import { CONTROL_JOURNAL_CHAIN, CONTROL_JOURNAL_SALT } from '../../assembly/memory/layout.ts'
import { VarveError } from '../../src/errors.ts'
import { KIND_BATCH, KIND_GAP, frameBytes } from '../../src/journal/format.ts'
import { JOURNAL_BUFFER_BYTES, JournalWriter } from '../../src/journal/writer.ts'
import type { Kernel } from '../../src/kernel/kernel.ts'
import {
  checkSeqnos,
  codeOf,
  digest,
  framesOf,
  headerOf,
  payloadOf,
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
  writer = new JournalWriter(kernel, file, headerOf(1), 1)
})

/** What a reader finds in the file now. */
function content(): ReadFrame[] {
  const frames = framesOf(kernel, file, 1, writer.length)
  checkSeqnos(frames, 1)
  return frames
}

function payloads(): string[] {
  return content()
    .filter(({ kind }) => kind === KIND_BATCH)
    .map(({ payload }) => digest(payload))
}

function briefly(): object[] {
  return content().map((frame) => ({ ...frame, payload: digest(frame.payload) }))
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

describe('appending', () => {
  it('writes the header with the first frame, in one write', () => {
    expect(writer.length).toBe(0)
    expect(writer.bufferedBytes).toBe(128)
    put(kernel, writer, a)
    expect(file.writes).toEqual([{ position: 0, length: 128 + 64 }])
    expect(writer.length).toBe(192)
    expect(writer.bufferedBytes).toBe(0)
    expect(payloads()).toEqual(digests(a))
  })

  it('keeps chain and salt in the control block', () => {
    put(kernel, writer, a)
    const at = CONTROL_JOURNAL_CHAIN
    expect(Uint8Array.from(kernel.u8.subarray(at, at + 8))).toEqual(writer.chain)
    expect(writer.chain).toEqual(file.bytes.slice(128, 136))
    const salt = kernel.u8.subarray(CONTROL_JOURNAL_SALT, CONTROL_JOURNAL_SALT + 16)
    expect(Uint8Array.from(salt)).toEqual(headerOf(1).salt)
  })

  it('leaves the payload in place for whoever applies it', () => {
    const at = writer.reserve(20)
    kernel.u8.set(a, at)
    kernel.exports.beginGroup(kernel.slot, 1)
    writer.append(KIND_BATCH, 1, 20, false)
    expect(Uint8Array.from(kernel.u8.subarray(at, at + 20))).toEqual(a)
  })

  it('holds frames back until 64 KiB, a frame that is not held, or writeOut', () => {
    put(kernel, writer, a, 1, true)
    put(kernel, writer, b, 1, true, 'record')
    expect(file.writes).toEqual([])
    expect(writer.bufferedBytes).toBe(128 + 64 + 80)
    put(kernel, writer, c)
    expect(file.writes).toEqual([{ position: 0, length: 128 + 64 + 80 + 144 }])
    put(kernel, writer, a, 1, true)
    writer.writeOut()
    writer.writeOut()
    expect(file.writes.length).toBe(2)
    for (let i = 0; i < 70; i++) put(kernel, writer, payloadOf(i, 1000), 1, true)
    expect(file.writes.length).toBe(3)
    expect(file.writes[2]?.length).toBeGreaterThanOrEqual(65536)
    expect(file.writes[2]?.length).toBeLessThan(65536 + 1040)
    writer.writeOut()
    expect(payloads().length).toBe(74)
  })

  it('makes room for a large frame by writing what waits', () => {
    const large = payloadOf(9, 100_000)
    put(kernel, writer, payloadOf(8, 60_000), 1, true)
    put(kernel, writer, large, 1, true)
    expect(file.writes.map(({ length }) => length)).toEqual([128 + 60_040, 100_040])
    expect(payloads()).toEqual(digests(payloadOf(8, 60_000), large))
  })

  it('says 0 for a frame that never fits, and takes the largest that does', () => {
    const most = JOURNAL_BUFFER_BYTES - 40
    expect(writer.reserve(most + 1)).toBe(0)
    expect(writer.reserve(2 ** 32 - 1)).toBe(0)
    put(kernel, writer, payloadOf(1, most))
    expect(payloads()).toEqual(digests(payloadOf(1, most)))
  })

  it.each([1, 2, 7, 8, 9])('writes records larger than the buffer, by %i bytes', (more) => {
    const long = payloadOf(4, JOURNAL_BUFFER_BYTES - 40 + more)
    const longer = payloadOf(5, 3 * JOURNAL_BUFFER_BYTES + more)
    put(kernel, writer, a, 1, true)
    put(kernel, writer, long, 3, true, 'record')
    put(kernel, writer, longer, 4, false, 'record')
    put(kernel, writer, b, 1, true)
    writer.writeOut()
    expect(payloads()).toEqual(digests(a, long, longer, b))
    expect(content().map(({ count }) => count)).toEqual([1, 3, 4, 1])
    expect(content().map(({ baseSeqno }) => baseSeqno)).toEqual([1, 2, 5, 9])
    expect(writer.length % 8).toBe(0)
  })

  it('clears the padding, whatever was in the buffer', () => {
    put(kernel, writer, new Uint8Array(200).fill(0xff))
    put(kernel, writer, payloadOf(1, 13))
    writer.appendRecord(record13(), 13, 1, false)
    const { bytes } = file
    for (const { offset, payload } of content()) {
      const end = offset + frameBytes(payload.byteLength)
      expect(bytes.subarray(offset + 40 + payload.byteLength, end).every((byte) => byte === 0)).toBe(true)
    }

    function record13(): Uint8Array {
      kernel.exports.beginGroup(kernel.slot, 1)
      return recordOf(payloadOf(2, 13))
    }
  })

  it('refuses what is a bug of ours', () => {
    kernel.exports.beginGroup(kernel.slot, 1)
    expect(() => writer.append(KIND_BATCH, 1, 0, false)).toThrow('no frame of this size')
    writer.reserve(10)
    expect(() => writer.append(KIND_BATCH, 1, 11, false)).toThrow('no frame of this size')
    kernel.exports.beginGroup(kernel.slot, 1)
    expect(() => writer.append(KIND_BATCH, 1, 10, false)).toThrow('not the next one')
    expect(() => writer.appendRecord(new Uint8Array(40 + 9), 9, 1, false)).toThrow('room for its padding')
  })

  it('allocates nothing', () => {
    const { exports, slot } = kernel
    const sink = new ProbeFile(2)
    let total = 0
    sink.write = (_source, _start, length = 0) => {
      total += length
    }
    const quiet = new JournalWriter(kernel, sink, headerOf(2), exports.nextSeqno())
    const run = (rounds: number, hold: boolean): void => {
      for (let i = 0; i < rounds; i++) {
        const at = quiet.reserve(100)
        kernel.u8[at] = i
        exports.beginGroup(slot, 1)
        quiet.append(KIND_BATCH, 1, 100, hold)
      }
    }
    for (const hold of [false, true]) {
      run(200_000, hold)
      const before = process.memoryUsage().heapUsed
      run(200_000, hold)
      expect((process.memoryUsage().heapUsed - before) / 200_000).toBeLessThan(1)
    }
    expect(total).toBeGreaterThan(800_000 * 140 - 65536)
  })
})

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
      expect(codeOf(() => put(kernel, writer, a, count, true && count === 2, way))).toBe('DISK_FULL')
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
    const late = new JournalWriter(kernel, other, headerOf(2), 2 ** 32 - 2)
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
