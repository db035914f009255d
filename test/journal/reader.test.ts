import { describe, expect, it } from 'vitest'
import { encodeHeader, frameBytes, KIND_BATCH, KIND_GAP, type Hash } from '../../src/journal/format.ts'
import { readFrames } from '../../src/journal/reader.ts'
import { readJournalHeader, scanJournal, type JournalScan } from '../../src/journal/scan.ts'
import { JournalWriter } from '../../src/journal/writer.ts'
import { mulberry32, pick } from '../support/random.ts'
import {
  BytesFile,
  codeOf,
  digest,
  framesOf,
  headerOf,
  payloadOf,
  ProbeFile,
  put,
  testKernel,
  thrown,
} from './support.ts'

const kernel = testKernel()
const hash: Hash = (bytes, target, at) => kernel.hashBytes(bytes, target, at)

interface Forged {
  payload?: Uint8Array
  /** The length field, if it is to lie. */
  length?: number
  kind?: number
  flags?: number
  zero?: number
  base?: bigint
  count?: number
  synced?: bigint
  /** Leave the header check or the chain wrong. */
  badCheck?: true
  badChain?: true
  padding?: number
}

/** A journal whose checksums are right and whose content is whatever an attacker likes. */
function forge(...frames: Forged[]): BytesFile {
  const header = encodeHeader(headerOf(1), hash)
  let bytes = header
  let chain = header.slice(120)
  for (const [index, frame] of frames.entries()) {
    const { payload = payloadOf(1, 24), base = BigInt(index + 1) } = frame
    const block = new Uint8Array(frameBytes(payload.byteLength)).fill(frame.padding ?? 0)
    const view = new DataView(block.buffer)
    view.setUint32(8, frame.length ?? payload.byteLength, true)
    block.set([frame.kind ?? KIND_BATCH, frame.flags ?? 0], 12)
    view.setUint16(14, frame.zero ?? 0, true)
    view.setBigUint64(16, base, true)
    view.setUint32(24, frame.count ?? 1, true)
    view.setBigUint64(32, frame.synced ?? 0n, true)
    const checked = new Uint8Array(52)
    checked.set(headerOf(1).salt)
    new DataView(checked.buffer).setBigUint64(16, BigInt(bytes.byteLength), true)
    checked.set(block.subarray(8, 28), 24)
    checked.set(block.subarray(32, 40), 44)
    const check = new Uint8Array(8)
    hash(checked, check, 0)
    if (frame.badCheck === true) check[0] = (check[0] ?? 0) ^ 1
    block.set(check.subarray(0, 4), 28)
    block.set(payload, 40)
    block.set(chain)
    hash(block.slice(), block, 0)
    chain = block.slice(0, 8)
    if (frame.badChain === true) block[0] = (block[0] ?? 0) ^ 1
    bytes = Uint8Array.from([...bytes, ...block])
  }
  return new BytesFile(1, bytes)
}

function damageOf(file: BytesFile, limit?: number): string {
  const { damage } = scanJournal(kernel, file, limit)
  return `${damage.kind}@${damage.offset}`
}

describe('frames with right checksums and wrong content', () => {
  const cases: [string, Forged, string][] = [
    ['nothing wrong', {}, 'none@192'],
    ['a gap', { kind: KIND_GAP, payload: new Uint8Array(0), count: 2 ** 32 - 1 }, 'none@168'],
    ['a reserved kind', { kind: 2 }, 'unknown-kind@128'],
    ['a kind of another world', { kind: 255 }, 'unknown-kind@128'],
    ['kind 0', { kind: 0 }, 'unknown-kind@128'],
    ['flags', { flags: 1 }, 'unknown-kind@128'],
    ['bytes that should be zero', { zero: 0x8000 }, 'unknown-kind@128'],
    ['seqno 0', { base: 0n }, 'bad-seqno@128'],
    ['seqno 2^53', { base: 2n ** 53n }, 'bad-seqno@128'],
    ['seqno 2^53 - 1', { base: 2n ** 53n - 1n }, 'bad-seqno@128'],
    ['seqno 2^53 - 2', { base: 2n ** 53n - 2n }, 'none@192'],
    ['seqno 2^64 - 1', { base: 2n ** 64n - 1n }, 'bad-seqno@128'],
    ['count 0', { count: 0 }, 'malformed-frame@128'],
    ['more entries than fit', { count: 3 }, 'malformed-frame@128'],
    ['count 2^32 - 1', { count: 2 ** 32 - 1 }, 'malformed-frame@128'],
    ['a gap with content', { kind: KIND_GAP }, 'malformed-frame@128'],
    ['synced where it begins', { synced: 128n }, 'none@192'],
    ['synced behind its beginning', { synced: 136n }, 'malformed-frame@128'],
    ['synced at 2^64 - 1', { synced: 2n ** 64n - 1n }, 'malformed-frame@128'],
    ['a length of 2^32 - 1', { length: 2 ** 32 - 1 }, 'incomplete-frame@128'],
    ['a length one too large for the file', { length: 25 }, 'incomplete-frame@128'],
    ['a length that leaves bytes over', { length: 8, count: 1 }, 'bad-chain@128'],
    ['a wrong header check', { badCheck: true }, 'bad-header-check@128'],
    ['a wrong chain', { badChain: true }, 'bad-chain@128'],
  ]
  it.each(cases)('%s', (_, frame, damage) => {
    expect(damageOf(forge(frame))).toBe(damage)
  })

  it.each([
    ['repeated', 1n],
    ['skipped', 3n],
    ['2^32 further on', 2n + 2n ** 32n],
  ])('a seqno %s', (_, base) => {
    expect(damageOf(forge({}, { base }))).toBe('bad-seqno@192')
  })

  it('reads a base seqno beyond 2^32', () => {
    const scan = scanJournal(kernel, forge({ base: 2n ** 40n }, { base: 2n ** 40n + 1n }), undefined)
    expect([scan.firstBaseSeqno, scan.nextSeqno]).toEqual([2 ** 40, 2 ** 40 + 2])
  })
})

describe('limits', () => {
  const file = forge({}, {}, {})

  it.each([
    [undefined, 'none@320', 3],
    [320, 'none@320', 3],
    [256, 'none@256', 2],
    [128, 'none@128', 0],
    [0, 'none@0', 0],
    [328, 'ends-early@320', 3],
    [2 ** 50, 'ends-early@320', 3],
    [248, 'crosses-end@192', 1],
    [193, 'crosses-end@192', 1],
    [100, 'crosses-end@128', 0],
  ])('%s', (limit, damage, frames) => {
    expect(damageOf(file, limit)).toBe(damage)
    const scan = scanJournal(kernel, file, limit)
    expect(scan.frames).toBe(frames)
    expect(scan.chainAtValid).toEqual(
      limit === 0 ? new Uint8Array(8) : chainAt(scan.validLength, scan.frames),
    )
  })

  function chainAt(length: number, frames: number): Uint8Array {
    const at = frames === 0 ? 120 : length - 64
    return file.bytes.slice(at, at + 8)
  }
})

describe('the search behind damage', () => {
  const cases: [string, Forged[], number][] = [
    ['nothing synced', [{ badCheck: true }, {}, {}], 0],
    ['behind a bad header', [{ badCheck: true }, {}, { synced: 256n }], 256],
    ['behind a bad chain', [{ badChain: true }, { synced: 128n }], 128],
    ['in the header of the damaged frame', [{}, { badChain: true, synced: 192n }], 192],
    ['not in a header that is damaged', [{}, { badCheck: true, synced: 192n }], 0],
    ['not when it lies behind itself', [{ badCheck: true }, { synced: 200n }], 0],
    ['the highest', [{ badCheck: true }, { synced: 192n }, { synced: 136n }], 192],
    ['in an incomplete last frame', [{}, { synced: 192n, length: 5000 }], 192],
    ['of a kind we do not know', [{ badCheck: true }, { synced: 192n, kind: 77 }], 192],
  ]
  it.each(cases)('%s', (_, frames, synced) => {
    const scan = scanJournal(kernel, forge(...frames), undefined)
    expect(scan.highestSyncedOffset).toBe(synced)
    expect(scan.hasSyncedFrame).toBe(synced > 0)
  })

  it('does not believe frames of another place or another file', () => {
    const moved = forge({}, {}, {}, { synced: 320n })
    moved.bytes.copyWithin(192, 320, 384)
    moved.bytes.fill(0, 320)
    expect(scanJournal(kernel, moved, undefined).highestSyncedOffset).toBe(0)
    const foreign = forge({}, { synced: 192n })
    const ours = encodeHeader(headerOf(1, undefined, { salt: new Uint8Array(16).fill(7) }), hash)
    foreign.bytes.set(ours)
    const scan = scanJournal(kernel, foreign, undefined)
    expect(scan.damage).toEqual({ kind: 'bad-header-check', offset: 128 })
    expect(scan.highestSyncedOffset).toBe(0)
  })

  it('skips the content of frames whose header it believes', () => {
    // The payload is a copy of a frame as it would stand right there: only content, until it is not.
    const inner = forge({ payload: new Uint8Array(88) }, { synced: 192n }).bytes.slice(256, 320)
    const payload = new Uint8Array(88 + 64)
    const outer = forge({ badChain: true, payload })
    outer.bytes.set(inner, 256)
    expect(scanJournal(kernel, outer, undefined).highestSyncedOffset).toBe(0)
    outer.bytes[136] = 1
    expect(scanJournal(kernel, outer, undefined).highestSyncedOffset).toBe(192)
  })

  it('finds frames across the window', () => {
    const random = mulberry32(5)
    for (let round = 0; round < 20; round++) {
      const file = new ProbeFile(1)
      const own = testKernel(4 * 1048576)
      const writer = JournalWriter.begin(own, file, headerOf(1), 1)
      for (let i = 0; i < 6; i++) put(own, writer, payloadOf(i, 12 + pick(random, 100_000)))
      writer.sync()
      const { length } = writer
      for (let i = 0; i < 6; i++) put(own, writer, payloadOf(i, 12 + pick(random, 100_000)))
      own.release()
      file.bytes[128 + 9] = 0xff
      const scan = scanJournal(kernel, file, undefined)
      expect(scan.damage).toEqual({ kind: 'bad-header-check', offset: 128 })
      expect(scan.highestSyncedOffset).toBe(length)
    }
  })
})

describe('damaged headers', () => {
  const intact = forge({}, { synced: 192n }, { synced: 256n })
  const scanWith = (change: (bytes: Uint8Array) => void): JournalScan => {
    const bytes = intact.bytes.slice()
    change(bytes)
    return scanJournal(kernel, new BytesFile(1, bytes), undefined)
  }

  it('prove what their frames say, whichever byte is wrong', () => {
    for (let at = 0; at < 128; at++) {
      const scan = scanWith((bytes) => (bytes[at] = (bytes[at] ?? 0) ^ 0x10))
      expect([at, scan.damage.kind, scan.validLength, scan.highestSyncedOffset]).toEqual([
        at,
        'bad-header',
        0,
        256,
      ])
    }
  })

  it('do so by the chain when the salt is gone, by the salt when the chain is', () => {
    const noSalt = scanWith((bytes) => bytes.fill(0, 88, 104))
    expect(noSalt.highestSyncedOffset).toBe(256)
    const noChain = scanWith((bytes) => bytes.fill(0, 120, 128))
    expect(noChain.highestSyncedOffset).toBe(256)
    const neither = scanWith((bytes) => bytes.fill(0, 88, 128))
    expect(neither.highestSyncedOffset).toBe(0)
    expect(neither.bootId).toEqual(headerOf(1).bootId)
    expect(scanWith((bytes) => bytes.fill(0, 0, 128)).bootId).toEqual(new Uint8Array(16))
  })

  it('are told from files that are too short', () => {
    for (const length of [0, 1, 63, 127]) {
      const scan = scanJournal(kernel, new BytesFile(1, intact.bytes.slice(0, length)), undefined)
      expect(scan.damage).toEqual({ kind: 'incomplete-header', offset: 0 })
      expect(scan.bootId).toEqual(new Uint8Array(16))
    }
    expect(readJournalHeader(kernel, new BytesFile(1, new Uint8Array(0)))).toBeUndefined()
    expect(readJournalHeader(kernel, intact)).toEqual(headerOf(1))
  })
})

describe('memory', () => {
  it('is one page, whatever the file says, and is given back', () => {
    const free = kernel.freePages()
    const random = mulberry32(3)
    const noise = Uint8Array.from({ length: 1 << 20 }, () => pick(random, 256))
    noise.set(encodeHeader(headerOf(1), hash))
    const before = process.memoryUsage().arrayBuffers
    for (const file of [
      forge({ length: 2 ** 32 - 1 }),
      new BytesFile(1, noise),
      new BytesFile(1, new Uint8Array(1 << 22).fill(1)),
    ]) {
      scanJournal(kernel, file, undefined)
      expect(kernel.freePages()).toBe(free)
    }
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8 << 20)
    const reader = readFrames(kernel, forge({}, {}), 256, 100)
    expect(reader.next().value?.offset).toBe(128)
    expect(kernel.freePages()).toBe(free - 1)
    reader.return()
    expect(kernel.freePages()).toBe(free)
    expect(codeOf(() => [...readFrames(kernel, forge({}), 200, 100)])).toBe('CORRUPT')
    expect(kernel.freePages()).toBe(free)
  })

  it('is not allocated for records above the cap, nor for those the file does not hold', () => {
    const file = new ProbeFile(1)
    const own = testKernel(4 * 1048576)
    const writer = JournalWriter.begin(own, file, headerOf(1), 1)
    const payload = payloadOf(1, 300_000)
    put(own, writer, payload, 1, false, 'record')
    const end = writer.length
    own.release()
    expect(framesOf(kernel, file, 1, end, 300_000).map((frame) => digest(frame.payload))).toEqual([
      digest(payload),
    ])
    expect(thrown(() => framesOf(kernel, file, 1, end, 299_999))).toMatchObject({
      code: 'NO_MEMORY',
      file: file.name,
      offset: 128,
    })
    // The scan needs no memory for it.
    expect(scanJournal(kernel, file, undefined).validLength).toBe(end)
    expect(codeOf(() => [...readFrames(kernel, forge({ length: 2 ** 32 - 1 }), 192, 2 ** 32)])).toBe(
      'CORRUPT',
    )
  })

  it('is the payload itself for records of up to a page', () => {
    const frames = [...readFrames(kernel, forge({}), 192, 100)]
    expect(frames[0]?.payload.buffer).toBe(kernel.memory.buffer)
    expect(frames[0]?.pointer).toBe(frames[0]?.payload.byteOffset)
  })
})

describe('reading', () => {
  it('stops where it is told to and checks again', () => {
    const file = forge({}, {}, {})
    expect(framesOf(kernel, file, 1, 256).map(({ offset }) => offset)).toEqual([128, 192])
    file.bytes[200] = 0xff
    const reader = readFrames(kernel, file, 320, 100)
    expect(reader.next().value?.offset).toBe(128)
    expect(thrown(() => reader.next())).toMatchObject({ code: 'CORRUPT', offset: 192, file: file.name })
    file.bytes[0] = 0
    expect(thrown(() => framesOf(kernel, file, 1, 320))).toMatchObject({ code: 'CORRUPT', offset: 0 })
  })

  it('is not confused by other use of the kernel between two frames', () => {
    const reader = readFrames(kernel, forge({}, {}, {}), 320, 100)
    const offsets: number[] = []
    for (const { offset } of reader) {
      offsets.push(offset)
      kernel.hashBytes(new Uint8Array(300_000), new Uint8Array(8), 0)
      scanJournal(kernel, forge({}, {}), undefined)
    }
    expect(offsets).toEqual([128, 192, 256])
  })

  it('reports a file that shrinks', () => {
    const file = forge({}, {}, {})
    const { bytes } = file
    file.size = () => bytes.byteLength + 100
    expect(codeOf(() => scanJournal(kernel, file, undefined))).toBe('IO')
  })

  it('takes any bytes at all', () => {
    const random = mulberry32(8)
    const base = forge(
      {},
      { kind: KIND_GAP, payload: new Uint8Array(0), count: 5 },
      { base: 7n, synced: 192n },
    )
    for (let round = 0; round < 3000; round++) {
      const bytes = base.bytes.slice(0, pick(random, base.bytes.byteLength + 1))
      for (let i = pick(random, 6); i > 0; i--) bytes[pick(random, bytes.byteLength)] = pick(random, 256)
      const file = new BytesFile(1, bytes)
      const scan = scanJournal(kernel, file, round % 3 === 0 ? pick(random, 400) : undefined)
      expect(scan.validLength).toBeLessThanOrEqual(bytes.byteLength)
      if (scan.validLength > 0) {
        expect(framesOf(kernel, file, 1, scan.validLength).length).toBe(scan.frames)
      }
    }
  })
})
