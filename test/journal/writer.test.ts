import { beforeEach, describe, expect, it } from 'vitest'
import { CONTROL_JOURNAL_CHAIN, CONTROL_JOURNAL_SALT } from '../../assembly/memory/layout.ts'
import { KIND_BATCH, frameBytes } from '../../src/journal/format.ts'
import { JOURNAL_BUFFER_BYTES, JournalWriter } from '../../src/journal/writer.ts'
import type { Kernel } from '../../src/kernel/kernel.ts'
import {
  contentOf,
  digest,
  headerOf,
  payloadOf,
  payloadsOf,
  ProbeFile,
  put,
  recordOf,
  testKernel,
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

function payloads(): string[] {
  return payloadsOf(content())
}

function digests(...list: Uint8Array[]): string[] {
  return list.map(digest)
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
    const quiet = JournalWriter.begin(kernel, sink, headerOf(2), exports.nextSeqno())
    const run = (rounds: number, hold: boolean): void => {
      for (let i = 0; i < rounds; i++) {
        const at = quiet.reserve(100)
        kernel.u8[at] = i
        exports.beginGroup(slot, 1)
        quiet.append(KIND_BATCH, 1, 100, hold)
      }
    }
    for (const hold of [false, true]) {
      // NOTE: the least of several rounds: compilers and other tests' garbage show up in some.
      let least = Infinity
      for (let round = 0; round < 8; round++) {
        const before = process.memoryUsage().heapUsed
        run(50_000, hold)
        const grown = process.memoryUsage().heapUsed - before
        if (round > 2 && grown >= 0) least = Math.min(least, grown / 50_000)
      }
      expect(least).toBeLessThan(0.5)
    }
    expect(total).toBeGreaterThan(800_000 * 140 - 65_536)
  })
})
