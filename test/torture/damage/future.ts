/** Files as a later version may write them: with right checksums, and something in them that this one does not know. */
import { BLOCK_DATA, BLOCK_PROPERTIES } from '../../../assembly/memory/layout.ts'
import { mixedChecksum, readBlock, signBlock, varint, viewOf, xxh3 } from '../../kernel/table-format.ts'
import type { Files } from '../golden/build.ts'
import type { Golden } from '../golden/golden.ts'
import { type FaultedImage, faultedImages } from './file-cases.ts'

/** `refused`: open() says FORMAT_VERSION. `unread`: reads do, of what is concerned, and verify(). `whole`: it is optional, and passed over. */
export type FutureExpected = 'refused' | 'unread' | 'whole'

export interface FutureCase {
  readonly what: string
  readonly image: FaultedImage
  /** What is not known lies in one of these. */
  readonly concerned: readonly string[]
  readonly files: Files
  readonly expected: FutureExpected
}

type Patch = readonly [at: number, value: number]

/** Fields that all headers have in common; then where each kind says how its checksums are made. */
const commonPatches: readonly (readonly [string, readonly Patch[]])[] = [
  ['format version 2', [[8, 2]]],
  ['format version 256', [[9, 1]]],
  ['required flag 0', [[12, 1]]],
  ['required flag 31', [[15, 0x80]]],
]
const integrityPatches = (at: number): readonly (readonly [string, readonly Patch[]])[] => [
  ['another integrity algorithm', [[at, 2]]],
  ['authenticated tags', [[at + 1, 16]]],
]

export function* futureCases(golden: Golden): Generator<FutureCase> {
  for (const image of faultedImages) {
    const files = golden.images[image]
    for (const [name, bytes] of files) {
      for (const made of futureFiles(name, bytes)) {
        const { what, after, expected } = made
        yield {
          what: `${name}: ${what}`,
          image,
          concerned: [name],
          files: new Map(files).set(name, after),
          expected,
        }
      }
    }
    const both = new Map(files)
    for (const name of ['superblock-a', 'superblock-b']) {
      both.set(name, patchedSuperblock(name, files.get(name) ?? new Uint8Array(0), [[8, 2]]))
    }
    const concerned = ['superblock-a', 'superblock-b']
    yield { what: 'both superblocks: format version 2', image, concerned, files: both, expected: 'refused' }
  }
  yield* futureFrames(golden)
}

interface Made {
  readonly what: string
  readonly after: Uint8Array
  readonly expected: FutureExpected
}

function* futureFiles(name: string, bytes: Uint8Array): Generator<Made> {
  if (name.startsWith('superblock-')) {
    for (const [what, patches] of commonPatches)
      yield { what, after: patchedSuperblock(name, bytes, patches), expected: 'refused' }
  } else if (name.endsWith('.man') || name.endsWith('.wal')) {
    const integrityAt = name.endsWith('.man') ? 80 : 104
    for (const [what, patches] of [...commonPatches, ...integrityPatches(integrityAt)])
      yield { what, after: patchedLog(bytes, patches), expected: 'refused' }
    if (name.endsWith('.wal')) yield { what: 'a longer header', after: longerLog(bytes), expected: 'refused' }
  } else yield* futureTables(bytes)
}

function patched(bytes: Uint8Array, patches: readonly Patch[]): Uint8Array {
  const after = bytes.slice()
  for (const [at, value] of patches) after[at] = value
  return after
}

function patchedSuperblock(name: string, bytes: Uint8Array, patches: readonly Patch[]): Uint8Array {
  const after = patched(bytes, patches)
  viewOf(after).setBigUint64(120, xxh3(after.subarray(0, 120)), true)
  after[120] = (after[120] ?? 0) ^ name.charCodeAt(name.length - 1)
  return after
}

/** A journal or a manifest with another header. */
function patchedLog(bytes: Uint8Array, patches: readonly Patch[]): Uint8Array {
  const after = patched(bytes, patches)
  viewOf(after).setBigUint64(120, xxh3(after.subarray(0, 120)), true)
  return after
}

function longerLog(bytes: Uint8Array): Uint8Array {
  const after = new Uint8Array(bytes.byteLength + 128)
  after.set(bytes.subarray(0, 120))
  after.set(bytes.subarray(128), 256)
  const view = viewOf(after)
  view.setUint16(8, 2, true)
  view.setUint16(10, 256, true)
  view.setBigUint64(248, xxh3(after.subarray(0, 248)), true)
  return after
}

// ── tables ───────────────────────────────────────────────────────────────────────────────────────────────

function* futureTables(bytes: Uint8Array): Generator<Made> {
  const salt = bytes.subarray(16, 32)
  for (const [what, patches] of [...commonPatches, ...integrityPatches(32)]) {
    const after = patched(bytes, patches)
    viewOf(after).setBigUint64(56, mixedChecksum(after.subarray(0, 56), 16, salt, 0), true)
    yield { what, after, expected: 'refused' }
  }
  const blocks = blocksOf(bytes, salt)
  const block = (what: string, kind: number, patches: readonly Patch[], expected: FutureExpected): Made => {
    const found = blocks.find((each) => each.kind === kind && !each.isCompressed)
    if (found === undefined) throw new Error(`no block of kind ${kind}`)
    const { offset, size } = found
    const after = bytes.slice()
    const own = after.subarray(offset, offset + size)
    for (const [at, value] of patches) own[at] = value
    signBlock(own, kind, salt, offset)
    return { what, after, expected }
  }
  // NOTE: the last field of the properties is the compression aimed at: tag 32, one byte.
  const properties = blocks.find(({ kind }) => kind === BLOCK_PROPERTIES)
  const lastTag = 16 + (properties?.payload.byteLength ?? 0) - 3
  yield block('an unknown required property', BLOCK_PROPERTIES, [[lastTag, 33]], 'refused')
  yield block('an unknown optional property', BLOCK_PROPERTIES, [[lastTag, 34]], 'whole')
  if (!blocks.some(({ kind, isCompressed }) => kind === BLOCK_DATA && !isCompressed)) return
  yield block('an unknown compression', BLOCK_DATA, [[1, 2]], 'unread')
  yield block('a block flag', BLOCK_DATA, [[2, 1]], 'unread')
  for (const type of [4, 6, 7, 8, 15, 0x11, 0x21, 0x41, 0x81])
    yield block(`an entry of type 0x${type.toString(16)}`, BLOCK_DATA, [[16, type]], 'unread')
}

function blocksOf(bytes: Uint8Array, salt: Uint8Array): ReturnType<typeof readBlock>[] {
  const blocks: ReturnType<typeof readBlock>[] = []
  for (let at = 64; at < bytes.byteLength - 64;) {
    const block = readBlock(bytes, at, salt)
    blocks.push(block)
    at += block.size
  }
  return blocks
}

// ── frames behind the end of the log and of the manifest ─────────────────────────────────────────────────

interface Frame {
  readonly kind: number
  readonly flags?: number
  readonly payload: Uint8Array
}

function* futureFrames({ images }: Golden): Generator<FutureCase> {
  const files = images.killed
  const journal =
    [...files.keys()]
      .filter((name) => name.endsWith('.wal'))
      .sort()
      .at(-1) ?? ''
  const manifest = [...files.keys()].find((name) => name.endsWith('.man')) ?? ''
  const log = (what: string, frame: Frame): FutureCase => ({
    what: `${journal}: ${what}`,
    image: 'killed',
    concerned: [journal],
    files: new Map(files).set(journal, withFrame(files.get(journal) ?? new Uint8Array(0), frame)),
    expected: 'refused',
  })
  for (const kind of [0, 2, 3, 4, 6, 7, 8, 9, 10, 255])
    yield log(`a frame of kind ${kind}`, { kind, payload: entry(1) })
  yield log('a frame with a flag', { kind: 1, flags: 1, payload: entry(1) })
  for (const type of [4, 5, 6, 7, 8, 15, 0x11, 0x21, 0x41, 0x81])
    yield log(`an entry of type 0x${type.toString(16)}`, { kind: 1, payload: entry(type) })
  const edit = (what: string, payload: readonly number[], expected: FutureExpected): FutureCase => ({
    what: `${manifest}: ${what}`,
    image: 'killed',
    concerned: [manifest],
    files: new Map(files).set(
      manifest,
      withEdit(files.get(manifest) ?? new Uint8Array(0), Uint8Array.from(payload)),
    ),
    expected,
  })
  for (const tag of [25, 27, 29, 33, 1001])
    yield edit(`an edit with tag ${tag}`, [...varint(tag), 1, 0], 'refused')
  for (const tag of [30, 1000]) yield edit(`an edit with tag ${tag}`, [...varint(tag), 1, 0], 'whole')
  for (const [tag, expected] of [
    [7, 'refused'],
    [8, 'whole'],
  ] as const) {
    const record = [1, 2, ...varint(1000), 3, 1, 100, 5, 2, ...varint(10_000), tag, 1, 0]
    yield edit(`a record with tag ${tag}`, [1, record.length, ...record], expected)
  }
}

/** An entry of the default keyspace: `value length | key length | type | 0 | keyspace | key | value`. */
function entry(type: number): Uint8Array {
  return Uint8Array.of(0, 0, 0, 0, 1, 0, type, 0, 0, 0, 0, 0, 0x61)
}

/** Fills in a chain: the hash of the frame with its predecessor's chain in its place. */
function chain(frame: Uint8Array, before: Uint8Array): void {
  frame.set(before, 0)
  viewOf(frame).setBigUint64(0, xxh3(frame), true)
}

function padded(bytes: number): number {
  return bytes + ((8 - (bytes % 8)) % 8)
}

/** Where the last frame of an undamaged log or manifest starts, and what stands there. */
function lastFrame(bytes: Uint8Array, headerBytes: number): Uint8Array {
  const view = viewOf(bytes)
  let start = 128
  for (;;) {
    const end = start + padded(headerBytes + view.getUint32(start + 8, true))
    if (end === bytes.byteLength) return bytes.subarray(start)
    start = end
  }
}

function withFrame(bytes: Uint8Array, { kind, flags = 0, payload }: Frame): Uint8Array {
  const last = lastFrame(bytes, 40)
  const baseSeqno = viewOf(last).getBigUint64(16, true) + BigInt(viewOf(last).getUint32(24, true))
  const frame = new Uint8Array(padded(40 + payload.byteLength))
  const view = viewOf(frame)
  view.setUint32(8, payload.byteLength, true)
  view.setUint8(12, kind)
  view.setUint8(13, flags)
  view.setBigUint64(16, baseSeqno, true)
  view.setUint32(24, 1, true)
  frame.set(payload, 40)
  const salt = bytes.subarray(88, 104)
  view.setUint32(28, check(salt, bytes.byteLength, frame.subarray(8, 28), frame.subarray(32, 40)), true)
  chain(frame, last.subarray(0, 8))
  return new Uint8Array(Buffer.concat([bytes, frame]))
}

function withEdit(bytes: Uint8Array, payload: Uint8Array): Uint8Array {
  const last = lastFrame(bytes, 24)
  const frame = new Uint8Array(padded(24 + payload.byteLength))
  const view = viewOf(frame)
  view.setUint32(8, payload.byteLength, true)
  view.setBigUint64(16, BigInt(bytes.byteLength), true)
  frame.set(payload, 24)
  const salt = bytes.subarray(64, 80)
  view.setUint32(12, check(salt, bytes.byteLength, frame.subarray(8, 12), frame.subarray(16, 24)), true)
  chain(frame, last.subarray(0, 8))
  return new Uint8Array(Buffer.concat([bytes, frame]))
}

function check(salt: Uint8Array, offset: number, ...parts: Uint8Array[]): number {
  const place = new Uint8Array(8)
  viewOf(place).setBigUint64(0, BigInt(offset), true)
  return Number(xxh3(salt, place, ...parts) & 0xffff_ffffn)
}
