/** Every flipped byte and every truncation of a manifest gets the verdict docs/manifest-format.md asks for. */
import { describe, expect, it } from 'vitest'
import { VarveError } from '../../src/errors.ts'
import { putU64, viewOf } from '../../src/version/binary.ts'
import { encodeEdits, type VersionEdit } from '../../src/version/edit.ts'
import { isSameBoot, manifestEnd } from '../../src/version/manifest-end.ts'
import { FrameFormat } from '../../src/version/manifest-frame.ts'
import { chainOfHeader, encodeManifestHeader } from '../../src/version/manifest-header.ts'
import { readManifest } from '../../src/version/manifest-reader.ts'
import type { Superblock } from '../../src/version/superblock.ts'
import {
  codeOf,
  databaseId,
  filled,
  firstEdits,
  flipped,
  header,
  kernel,
  laterEdits,
  manifestId,
  manifestName,
  otherBoot,
  plain,
  read,
  sampleManifest,
  superblockAt,
  thisBoot,
  unknownBoot,
  type SampleManifest,
} from './support.ts'

const boots = [
  ['this', thisBoot],
  ['another', otherBoot],
  ['an unknown', unknownBoot],
] as const

const unsynced = await sampleManifest(false)
const synced = await sampleManifest(true)
const closing: readonly VersionEdit[] = [
  { type: 'journalSealed', id: 4, length: 128, chain: filled(8, 1) },
  { type: 'cleanClose', nextSeqno: 40 },
]
const closed = await sampleManifest(true, [...laterEdits, closing])
const last = laterEdits.length

/** What a damaged manifest may turn into: an error code, or the index of the edit it ends with. */
type Verdict = string | number

async function verdictOf(
  sample: SampleManifest,
  bytes: Uint8Array,
  superblock: Superblock,
  bootId: Uint8Array,
): Promise<Verdict> {
  try {
    const content = await read(bytes, superblock, bootId)
    const frame = sample.ends.indexOf(content.length)
    expect(plain(content.state)).toEqual(sample.states[frame])
    expect(content.chain).toEqual(sample.chains[frame])
    const cutBytes = bytes.byteLength - content.length
    expect(content.cut?.bytes ?? 0).toBe(cutBytes)
    if (content.cut !== undefined) expect(content.cut.offset).toBe(content.length)
    return frame
  } catch (error) {
    if (!(error instanceof VarveError)) throw error
    expect(error.file).toBe(manifestName)
    expect(error.offset).toBeGreaterThanOrEqual(0)
    expect(error.offset).toBeLessThanOrEqual(bytes.byteLength)
    return error.code
  }
}

/** The frame that holds a byte; -1 for the header. */
function frameOf(sample: SampleManifest, offset: number): number {
  return offset < 128 ? -1 : sample.ends.findIndex((end) => offset < end)
}

describe('whole manifests', () => {
  it('are read under any boot, from whichever edit the superblock knows', async () => {
    for (const sample of [unsynced, synced]) {
      for (const [, bootId] of boots) {
        for (let frame = 0; frame <= last; frame++) {
          expect(await verdictOf(sample, sample.bytes, superblockAt(sample, frame), bootId)).toBe(last)
        }
      }
    }
    expect(await verdictOf(closed, closed.bytes, superblockAt(closed, last + 1, true), otherBoot)).toBe(
      last + 1,
    )
    expect(await verdictOf(closed, closed.bytes, superblockAt(closed, last, false), otherBoot)).toBe(last + 1)
  })
})

describe.each(boots)('under %s boot id', (boot, bootId) => {
  it.each([0, 2, last])('every flip of a manifest durable up to edit %d', async (durableFrame) => {
    for (const sample of [unsynced, synced]) {
      const superblock = superblockAt(sample, durableFrame)
      for (let offset = 0; offset < sample.bytes.byteLength; offset++) {
        const frame = frameOf(sample, offset)
        const isProven = frame <= durableFrame
        // A frame of the synced sample vouches for those before it, so only its last one is not vouched for.
        const isVouchedFor = isProven || (sample === synced && frame < last)
        const expected = boot === 'this' || isVouchedFor ? 'CORRUPT' : frame - 1
        for (const mask of [1 << (offset % 8), 0xff]) {
          const verdict = await verdictOf(sample, flipped(sample.bytes, offset, mask), superblock, bootId)
          expect(verdict, `byte ${offset} in frame ${frame} with mask ${mask}`).toBe(expected)
        }
      }
    }
  })

  it.each([0, 2, last])('every truncation of a manifest durable up to edit %d', async (durableFrame) => {
    for (const sample of [unsynced, synced]) {
      const superblock = superblockAt(sample, durableFrame)
      for (let length = 0; length < sample.bytes.byteLength; length++) {
        // The last edit that is still whole: a cut between edits shows only below the recorded length.
        const whole = sample.ends.filter((end) => end <= length).length - 1
        const expected = length < superblock.manifestLength ? 'CORRUPT' : whole
        const verdict = await verdictOf(sample, sample.bytes.slice(0, length), superblock, bootId)
        expect(verdict, `cut at ${length}`).toBe(expected)
      }
    }
  })

  it('bytes behind the end', async () => {
    const superblock = superblockAt(synced, last)
    for (const [count, byte] of [
      [1, 0],
      [23, 0xaa],
      [24, 0],
      [512, 0],
      [512, 0xaa],
    ] as const) {
      const longer = new Uint8Array([...synced.bytes, ...filled(count, byte)])
      const expected = boot === 'this' && count >= 24 ? 'CORRUPT' : last
      expect(await verdictOf(synced, longer, superblock, bootId), `${count} bytes ${byte}`).toBe(expected)
    }
  })

  it('every flip, truncation and extension behind a clean close', async () => {
    const superblock = superblockAt(closed, last + 1, true)
    for (let offset = 0; offset < closed.bytes.byteLength; offset++) {
      expect(await verdictOf(closed, flipped(closed.bytes, offset, 4), superblock, bootId)).toBe('CORRUPT')
      expect(await verdictOf(closed, closed.bytes.slice(0, offset), superblock, bootId)).toBe('CORRUPT')
    }
    const longer = new Uint8Array([...closed.bytes, 1])
    expect(await verdictOf(closed, longer, superblock, bootId)).toBe('CORRUPT')
    expect(await verdictOf(synced, synced.bytes, superblockAt(synced, last, true), bootId)).toBe('CORRUPT')
  })
})

describe('the superblock', () => {
  const good = superblockAt(synced, 2)

  it.each<[string, Partial<Superblock>]>([
    ['another database', { databaseId: filled(16, 1) }],
    ['another manifest', { manifestId: 3 }],
    ['another epoch', { epoch: 8 }],
    ['another chain', { manifestChain: filled(8, 1) }],
    ['a length inside an edit', { manifestLength: good.manifestLength - 8 }],
    ['a length behind the end', { manifestLength: synced.bytes.byteLength + 8 }],
    ['the length of another edit', { manifestLength: synced.ends[1] ?? 0 }],
  ])('that tells of %s: CORRUPT', async (_, change) => {
    for (const [, bootId] of boots) {
      expect(await verdictOf(synced, synced.bytes, { ...good, ...change }, bootId)).toBe('CORRUPT')
    }
  })
})

/** A manifest made by hand: a header and one frame per payload, valid throughout. */
function handmade(
  payloads: readonly Uint8Array[],
  patch: (headerBytes: Uint8Array) => void = () => {},
): SampleManifest {
  const headerBytes = encodeManifestHeader(kernel, header)
  patch(headerBytes)
  kernel.hashBytes(headerBytes.subarray(0, 120), headerBytes, 120)
  const frames = new FrameFormat(kernel, header.salt)
  const parts = [headerBytes]
  const ends: number[] = []
  const chains: Uint8Array[] = []
  let [length, chain] = [headerBytes.byteLength, chainOfHeader(headerBytes)]
  for (const payload of payloads) {
    const frame = frames.encode(payload, length, chain, 0)
    parts.push(frame)
    length += frame.byteLength
    chain = frame.slice(0, 8)
    ends.push(length)
    chains.push(chain)
  }
  return { bytes: new Uint8Array(Buffer.concat(parts)), ends, chains, states: [] }
}

async function codeOfHandmade(sample: SampleManifest): Promise<string | undefined> {
  return await codeOf(() => read(sample.bytes, superblockAt(sample, 0), thisBoot))
}

describe('valid checksums do not make content true', () => {
  const first = encodeEdits(firstEdits)

  it('unknown versions, flags and algorithms are FORMAT_VERSION, reserved bytes CORRUPT', async () => {
    const patched = (at: number, value: number): SampleManifest =>
      handmade([first], (bytes) => {
        bytes[at] = value
      })
    expect(await codeOfHandmade(handmade([first]))).toBeUndefined()
    for (const [at, value] of [
      [8, 2],
      [9, 1],
      [10, 64],
      [12, 1],
      [15, 0x80],
      [80, 2],
      [81, 16],
    ] as const) {
      expect(await codeOfHandmade(patched(at, value)), `byte ${at}`).toBe('FORMAT_VERSION')
    }
    for (let at = 82; at < 120; at++)
      expect(await codeOfHandmade(patched(at, 1)), `byte ${at}`).toBe('CORRUPT')
    for (const at of [39, 47]) expect(await codeOfHandmade(patched(at, 0xff)), `byte ${at}`).toBe('CORRUPT')
  })

  it('unknown required fields are FORMAT_VERSION, also above the durable length and after another boot', async () => {
    const sample = handmade([first, Uint8Array.of(33, 0)])
    for (const [, bootId] of boots) {
      expect(await codeOf(() => read(sample.bytes, superblockAt(sample, 0), bootId))).toBe('FORMAT_VERSION')
    }
    expect(await codeOfHandmade(handmade([first, Uint8Array.of(30, 0)]))).toBeUndefined()
  })

  it('malformed and contradicting edits are CORRUPT, also above the durable length and after another boot', async () => {
    const contradiction = encodeEdits([{ type: 'journalRemoved', id: 99 }])
    for (const payload of [
      contradiction,
      Uint8Array.of(1),
      Uint8Array.of(0, 0),
      Uint8Array.of(5, 2, 0x80, 0),
    ]) {
      const sample = handmade([first, payload])
      for (const [, bootId] of boots) {
        expect(await codeOf(() => read(sample.bytes, superblockAt(sample, 0), bootId))).toBe('CORRUPT')
      }
    }
  })

  it('a snapshot must cover the id of its own manifest', async () => {
    const counters: VersionEdit = {
      type: 'counters',
      nextFileId: manifestId,
      nextKeyspaceId: 1,
      nextSeqno: 1,
    }
    expect(await codeOfHandmade(handmade([encodeEdits([counters])]))).toBe('CORRUPT')
    expect(await codeOfHandmade(handmade([new Uint8Array(0)]))).toBe('CORRUPT')
    const asJournal: VersionEdit[] = [
      { ...counters, nextFileId: 9 },
      { type: 'journalCreated', id: manifestId },
    ]
    expect(await codeOfHandmade(handmade([encodeEdits(asJournal)]))).toBe('CORRUPT')
  })

  it('padding is checked to be zero', async () => {
    const payload = encodeEdits([{ type: 'replayFloor', id: 1 }])
    const sample = handmade([first, payload])
    const { bytes } = sample
    bytes[bytes.byteLength - 1] = 1
    const start = sample.ends[0] ?? 0
    const frame = bytes.slice(start)
    frame.set(sample.chains[0] ?? [])
    const chain = new Uint8Array(8)
    kernel.hashBytes(frame, chain, 0)
    bytes.set(chain, start)
    expect(await codeOf(() => read(bytes, superblockAt(sample, 0), thisBoot))).toBe('CORRUPT')
  })

  it('a frame at another place, or twice, or from another manifest, is damage', async () => {
    const { bytes, ends } = synced
    const [one = 0, two = 0, three = 0] = ends
    const swapped = new Uint8Array([
      ...bytes.slice(0, one),
      ...bytes.slice(two, three),
      ...bytes.slice(one, two),
      ...bytes.slice(three),
    ])
    const doubled = new Uint8Array([...bytes.slice(0, two), ...bytes.slice(one, two), ...bytes.slice(two)])
    for (const each of [swapped, doubled]) {
      expect(await codeOf(() => read(each, superblockAt(synced, 0), thisBoot))).toBe('CORRUPT')
    }
  })
})

describe('hostile lengths', () => {
  it('a payload of 4 GiB is an incomplete frame, whatever the boot, and allocates nothing', async () => {
    const sample = handmade([encodeEdits(firstEdits)])
    const start = sample.bytes.byteLength
    const bytes = new Uint8Array([...sample.bytes, ...filled(64, 0)])
    const view = viewOf(bytes)
    view.setUint32(start + 8, 0xffff_ffff, true)
    const checked = new Uint8Array(36)
    checked.set(header.salt)
    putU64(viewOf(checked), 16, start)
    checked.set(bytes.subarray(start + 8, start + 12), 24)
    const check = new Uint8Array(8)
    kernel.hashBytes(checked, check, 0)
    bytes.set(check.subarray(0, 4), start + 12)
    for (const [, bootId] of boots) {
      const content = await read(bytes, superblockAt(sample, 0), bootId)
      expect(content.cut).toMatchObject({ offset: start, bytes: 64 })
    }
  })

  it('a file that is too long is refused before it is read', () => {
    const read = (): number => {
      throw new Error('must not be read')
    }
    const file = { name: manifestName, size: () => 2 ** 40, read } as unknown as Parameters<
      typeof readManifest
    >[0]
    const superblock = superblockAt(synced, 0)
    expect(() => readManifest(file, kernel, superblock, thisBoot, 2 ** 20)).toThrow(
      /longer than 1048576 bytes/,
    )
  })

  it('a durable length that cannot be is no proof', async () => {
    const first = encodeEdits(firstEdits)
    const sample = handmade([first, encodeEdits([{ type: 'replayFloor', id: 1 }])])
    const start = sample.ends[0] ?? 0
    const frames = new FrameFormat(kernel, header.salt)
    const payload = encodeEdits([{ type: 'replayFloor', id: 1 }])
    for (const durable of [start + 8, 2 ** 50, start - 1]) {
      const liar = frames.encode(payload, start, sample.chains[0] ?? filled(8, 0), durable)
      const bytes = new Uint8Array([...sample.bytes.slice(0, start), ...liar])
      expect(await codeOf(() => read(bytes, superblockAt(sample, 0), thisBoot))).toBe('CORRUPT')
      expect((await read(bytes, superblockAt(sample, 0), otherBoot)).cut?.offset).toBe(start)
    }
  })
})

describe('the rule of the end', () => {
  it('tells boots apart', () => {
    expect(isSameBoot(thisBoot, thisBoot.slice())).toBe(true)
    expect(isSameBoot(thisBoot, otherBoot)).toBe(false)
    expect(isSameBoot(unknownBoot, unknownBoot)).toBe(false)
  })

  it('is this table', () => {
    const verdicts: string[] = []
    for (const isCleanClose of [false, true]) {
      for (const isSameBoot of [false, true]) {
        for (const isIncomplete of [false, true]) {
          for (const offset of [99, 100]) {
            verdicts.push(manifestEnd({ offset, isIncomplete, provenLength: 100, isSameBoot, isCleanClose }))
          }
        }
      }
    }
    const open = ['corrupt', 'cut', 'corrupt', 'cut', 'corrupt', 'corrupt', 'corrupt', 'cut']
    expect(verdicts).toEqual([...open, ...Array<string>(8).fill('corrupt')])
  })
})

it('the sample is not trivial', () => {
  expect(databaseId).toHaveLength(16)
  expect(unsynced.ends).toHaveLength(last + 1)
  expect(unsynced.bytes).not.toEqual(synced.bytes)
})
