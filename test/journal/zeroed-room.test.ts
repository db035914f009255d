/** Zeros behind the frames of a journal that is synced in small steps: when they are written, and what they are taken for. */
import { beforeEach, describe, expect, it } from 'vitest'
import { VarveError } from '../../src/errors.ts'
import { JournalWriter } from '../../src/journal/writer.ts'
import { looksTorn, ROOM_BYTES, TEAR_BYTES } from '../../src/journal/zeroed-room.ts'
import type { Kernel } from '../../src/kernel/kernel.ts'
import {
  bootA,
  bootB,
  BytesFile,
  codeOf,
  contentOf,
  digest,
  headerOf,
  payloadOf,
  payloadsOf,
  ProbeFile,
  put,
  recover,
  testKernel,
  unknownBoot,
  type Reading,
} from './support.ts'

class PageFile extends ProbeFile {
  readonly tearsAtPages = true
}

let kernel: Kernel
let file: PageFile
let writer: JournalWriter

beforeEach(begin)

function begin(): void {
  kernel = testKernel()
  file = new PageFile(1)
  writer = JournalWriter.begin(kernel, file, headerOf(1), 1)
}

/** What is left of `bytes` as the only journal. */
function read(bytes: Uint8Array, boot = bootA, policy: 'strict' | 'tolerate-tail' = 'tolerate-tail') {
  const source = { id: 1, name: file.name, file: new BytesFile(1, bytes), seal: undefined }
  return recover(kernel, [source], boot, policy)
}

function opened(reading: Reading | VarveError): Reading {
  if (reading instanceof VarveError) throw reading
  return reading
}

function verdict(reading: Reading | VarveError): string {
  if (reading instanceof VarveError) return reading.code
  return `${reading.frames.length} frames${reading.end.cut === undefined ? '' : ', cut'}`
}

/** The journal has room, and `payloads` in front of it. */
function fill(...payloads: Uint8Array[]): void {
  put(kernel, writer, payloadOf(1, 100))
  writer.sync()
  for (const payload of payloads) put(kernel, writer, payload)
}

describe('the room', () => {
  it('is made by the write behind a small sync, once, and lasts for many', () => {
    put(kernel, writer, payloadOf(1, 100))
    expect(file.size()).toBe(writer.length)
    writer.sync()
    put(kernel, writer, payloadOf(2, 100))
    expect(file.writes.length).toBe(3)
    const end = file.size()
    expect(end % TEAR_BYTES).toBe(0)
    expect(end - writer.length).toBeGreaterThanOrEqual(ROOM_BYTES)
    for (let i = 0; i < 400; i++) {
      put(kernel, writer, payloadOf(i, 100))
      writer.sync()
    }
    expect(file.size()).toBe(end)
    expect(file.writes.length).toBe(403)
    for (let i = 0; i < 400; i++) {
      put(kernel, writer, payloadOf(i, 100))
      writer.sync()
    }
    expect(file.size()).toBeGreaterThan(end)
    // One write of zeros each time, and one more where the room is left.
    expect(file.writes.length).toBe(804)
    expect(contentOf(kernel, file, writer).length).toBe(802)
  })

  it('is made behind asynchronous syncs, too', async () => {
    put(kernel, writer, payloadOf(1, 100))
    await writer.syncAsync()
    put(kernel, writer, payloadOf(2, 100))
    expect(file.size()).toBeGreaterThan(writer.length)
  })

  it('is not made without syncs, behind large ones, or where hosts may stop anywhere', () => {
    for (let i = 0; i < 100; i++) put(kernel, writer, payloadOf(i, 1000))
    expect(file.size()).toBe(writer.length)
    writer.sync()
    put(kernel, writer, payloadOf(1, 100))
    expect(file.size()).toBe(writer.length)
    const other = new ProbeFile(2)
    const elsewhere = JournalWriter.begin(kernel, other, headerOf(2), kernel.exports.nextSeqno())
    for (let i = 0; i < 3; i++) {
      put(kernel, elsewhere, payloadOf(i, 100))
      elsewhere.sync()
    }
    expect(other.size()).toBe(elsewhere.length)
  })

  it('is gone when the journal is left', () => {
    fill(payloadOf(2, 100))
    expect(file.size()).toBeGreaterThan(writer.length)
    const { length } = writer.seal()
    expect(file.size()).toBe(length)
    expect(verdict(read(file.bytes))).toBe('2 frames')
  })

  it.each([0, 1, 4000, 4096, 10_000])(
    'is done without where there is no space after %i bytes of it',
    (landed) => {
      put(kernel, writer, payloadOf(1, 100))
      writer.sync()
      file.faults.write = (call) => (call === 3 ? landed : undefined)
      put(kernel, writer, payloadOf(2, 100))
      expect(file.truncates).toEqual([writer.length])
      expect(file.size()).toBe(writer.length)
      file.faults = {}
      put(kernel, writer, payloadOf(3, 100))
      expect(payloadsOf(contentOf(kernel, file, writer)).length).toBe(3)
    },
  )

  it('is cut off before a write that would fill it, so that no frame ends where it does', () => {
    for (const beyond of [0, 200]) {
      begin()
      fill(payloadOf(2, 100))
      const end = file.size()
      put(kernel, writer, payloadOf(3, 50_000))
      // NOTE: the first of the two frames in this write ends where the room does, or both do.
      put(kernel, writer, payloadOf(4, end - writer.length - 40), 1, true)
      if (beyond > 0) put(kernel, writer, payloadOf(5, beyond), 1, true)
      const from = writer.length
      expect(end - from).toBeGreaterThan(2 * TEAR_BYTES)
      file.faults.write = (_, length) => length - 1000 - beyond - 40
      expect(() => writer.writeOut()).toThrow('no space')
      expect(file.truncates).toContain(from)
      file.faults = {}
      writer.writeOut()
      expect(writer.length).toBe(end + (beyond > 0 ? beyond + 40 : 0))
      expect(file.size()).toBe(writer.length)
      // As a kill would have left it.
      for (let tear = from + TEAR_BYTES - (from % TEAR_BYTES); tear < end; tear += TEAR_BYTES)
        expect(verdict(read(file.bytes.subarray(0, tear)))).toBe('3 frames, cut')
    }
  })

  it('that there is no space for and that cannot be cut off ends the journal, and not the write', () => {
    put(kernel, writer, payloadOf(1, 100))
    writer.sync()
    file.faults.write = (call) => (call === 3 ? 100 : undefined)
    file.faults.truncate = () => {
      throw new VarveError('DISK_FULL', 'no space to cut (injected)')
    }
    put(kernel, writer, payloadOf(2, 100))
    expect(codeOf(() => put(kernel, writer, payloadOf(3, 100)))).toBe('POISONED')
    expect(payloadsOf(contentOf(kernel, file, writer)).length).toBe(2)
    expect(verdict(read(file.bytes))).toBe('2 frames')
  })

  it('is not tried again where there was no space for it', () => {
    put(kernel, writer, payloadOf(1, 100))
    writer.sync()
    file.faults.write = (call) => (call === 3 ? 100 : undefined)
    for (let i = 0; i < 5; i++) {
      put(kernel, writer, payloadOf(i, 100))
      writer.sync()
    }
    expect(file.writes.length).toBe(7)
    expect(file.size()).toBe(writer.length)
  })
})

describe('zeros behind the frames', () => {
  it.each([
    ['the same', bootA],
    ['another', bootB],
    ['an unknown', unknownBoot],
  ])('are no frame and no loss (%s boot)', (_, boot) => {
    fill(payloadOf(2, 100), payloadOf(3, 5000))
    const reading = opened(read(file.bytes, boot, 'strict'))
    expect(payloadsOf(reading.frames)).toEqual(
      [1, 2, 3].map((seed) => digest(payloadOf(seed, seed === 3 ? 5000 : 100))),
    )
    expect(reading.end.cut).toBeUndefined()
    expect(reading.end.tail?.length).toBe(writer.length)
    // As where there was no space for all of them.
    for (const more of [1, 7, 8, 39, 40, 1000])
      expect(verdict(read(file.bytes.subarray(0, writer.length + more), boot, 'strict'))).toBe('3 frames')
  })

  it('are damage where a bit of them is flipped, and where frames were proven to be', () => {
    fill(payloadOf(2, 100))
    const { length } = writer
    for (const at of [length, length + 3, length + 40, length + 5000, file.size() - 1]) {
      const bytes = file.bytes.slice()
      bytes[at] = 4
      expect(verdict(read(bytes))).toBe('CORRUPT')
      expect(verdict(read(bytes, bootB))).toBe('2 frames, cut')
    }
    writer.sync()
    put(kernel, writer, payloadOf(3, 100))
    const bytes = file.bytes.slice().fill(0, 128 + 144, length)
    expect(verdict(read(bytes))).toBe('CORRUPT')
    expect(verdict(read(bytes, bootB))).toBe('CORRUPT')
  })
})

describe('a write into the room', () => {
  const large = payloadOf(9, 10_000)

  it('that was cut off where hosts stop is no frame, and said', () => {
    for (const before of [100, 3720, 3760, 3768]) {
      begin()
      fill(payloadOf(2, before))
      const from = writer.length
      put(kernel, writer, large)
      let tears = 0
      for (let tear = from + TEAR_BYTES - (from % TEAR_BYTES); tear < writer.length; tear += TEAR_BYTES) {
        const bytes = file.bytes.slice().fill(0, tear, writer.length)
        const { end, frames } = opened(read(bytes))
        expect(frames.length).toBe(2)
        expect(end.tail?.length).toBe(from)
        expect(end.cut?.reason).toBe('incomplete-frame')
        expect(end.cut?.droppedBytes).toBeLessThanOrEqual(tear - from)
        expect(verdict(read(bytes, bootA, 'strict'))).toBe('CORRUPT')
        tears++
      }
      expect(tears).toBeGreaterThanOrEqual(2)
    }
  })

  it('of which the header or the last page was overwritten by zeros is damaged', () => {
    fill(payloadOf(2, 100))
    const from = writer.length
    put(kernel, writer, large)
    const lastPage = writer.length - (writer.length % TEAR_BYTES)
    for (let at = from + 1; at < writer.length - 8; at++) {
      // NOTE: what is zeros from an earlier place on cannot be told from what was cut off at the next one where hosts stop.
      if (at === from + 33) at = lastPage + 1
      expect([at, verdict(read(file.bytes.slice().fill(0, at, writer.length)))]).toEqual([at, 'CORRUPT'])
    }
  })

  it.each([
    ['of anything', large],
    ['that ends in a zero', Uint8Array.of(...payloadOf(9, 4000), 0)],
    ['of which the last page is zeros', new Uint8Array(9000).fill(1, 0, 3000)],
    ['of zeros', new Uint8Array(20_000)],
    ['with one bit in the last page', new Uint8Array(9000).fill(1, 0, 3000).fill(64, 8900, 8901)],
    ['with two bits in the last page', new Uint8Array(9000).fill(1, 0, 3000).fill(65, 8900, 8901)],
  ])('%s is never given up for a flipped bit', (_, payload) => {
    fill(payload)
    const from = writer.length - 40 - Math.ceil(payload.byteLength / 8) * 8
    for (let at = from; at < writer.length; at++) {
      // NOTE: every bit of every byte that has any, and of some others.
      if ((file.bytes[at] ?? 0) === 0 && at % 13 !== 0) continue
      for (const bit of payload === large ? [at % 8] : [0, 3, 6]) {
        const bytes = file.bytes.slice()
        bytes[at] = (bytes[at] ?? 0) ^ (1 << bit)
        expect([at, verdict(read(bytes))]).toEqual([at, 'CORRUPT'])
      }
    }
    expect(verdict(read(file.bytes))).toBe('2 frames')
  })

  it('of zeros is one that looks cut off', () => {
    const source = new Uint8Array(10_000).fill(1, 0, 5000)
    expect(looksTorn(source, 0, 4000, 0)).toBe(false)
    expect(looksTorn(source, 0, 9000, 0)).toBe(true)
    expect(looksTorn(source, 0, 8192, 0)).toBe(false)
    expect(looksTorn(source, 5000, 100, 4000)).toBe(true)
    expect(looksTorn(source, 5000, 96, 4000)).toBe(false)
    expect(looksTorn(source, 4999, 97, 4096)).toBe(false)
    expect(looksTorn(Uint8Array.of(255, 0, 1, 0), 0, 4, 4095)).toBe(true)
    expect(looksTorn(Uint8Array.of(255, 0, 3, 0), 0, 4, 4095)).toBe(false)
    expect(looksTorn(Uint8Array.of(255, 2, 0, 1), 0, 4, 4095)).toBe(false)
    expect(looksTorn(Uint8Array.of(255, 0, 0, 0), 0, 4, 4095)).toBe(true)
    expect(looksTorn(Uint8Array.of(255, 0, 0, 0), 0, 4, 4096)).toBe(false)
  })
})
