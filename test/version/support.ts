/** What the tests of the manifest share: a kernel, small states, damaged copies of files. */
import { DEFAULT_POLICY } from '../../src/version/keyspace-policy.ts'
import fc from 'fast-check'
import { VarveError, type VarveErrorCode } from '../../src/errors.ts'
import { manifestFileName } from '../../src/fs/file-names.ts'
import { memoryFileSystem } from '../../src/fs/memory.ts'
import { Kernel } from '../../src/kernel/kernel.ts'
import type { VersionEdit } from '../../src/version/edit.ts'
import { applyEdits } from '../../src/version/fold.ts'
import type { ManifestHeader } from '../../src/version/manifest-header.ts'
import { readManifest, type ManifestContent } from '../../src/version/manifest-reader.ts'
import { ManifestWriter } from '../../src/version/manifest.ts'
import { DatabaseState } from '../../src/version/state.ts'
import type { Superblock } from '../../src/version/superblock.ts'
import type { TableInfo } from '../../src/version/version.ts'

export const kernel: Kernel = Kernel.create(16 * 2 ** 20, Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8))

export function filled(length: number, byte: number): Uint8Array {
  return new Uint8Array(length).fill(byte)
}

export const databaseId: Uint8Array = filled(16, 0xdb)
export const thisBoot: Uint8Array = filled(16, 0xb1)
export const otherBoot: Uint8Array = filled(16, 0xb2)
export const unknownBoot: Uint8Array = filled(16, 0)
export const manifestId = 2
export const manifestName: string = manifestFileName(manifestId)

export const header: ManifestHeader = {
  databaseId,
  manifestId,
  epoch: 7,
  bootId: thisBoot,
  salt: filled(16, 0x5a),
}

export function keyOf(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

/** A table that covers [from, to]. */
export function table(id: number, from: string, to: string, rest: Partial<TableInfo> = {}): TableInfo {
  return {
    id,
    keyspaceId: 0,
    level: 0,
    run: id,
    sizeBytes: 1000 + id,
    salt: filled(16, id),
    smallestKey: keyOf(from),
    largestKey: keyOf(to),
    lowestSeqno: 1,
    highestSeqno: 9,
    entries: 5,
    tombstones: 1,
    hiddenVersions: 0,
    createdAt: 1_700_000_000_000,
    fileChecksum: filled(8, id),
    ...rest,
  }
}

/** The edits of a new database: one keyspace, one journal. */
export const firstEdits: readonly VersionEdit[] = [
  { type: 'counters', nextFileId: 4, nextKeyspaceId: 1, nextSeqno: 1 },
  { type: 'keyspaceCreated', id: 0, name: 'default', keyEncoding: 'utf8', valueEncoding: undefined },
  { type: 'journalCreated', id: 1 },
  { type: 'replayFloor', id: 1 },
]

export function stateOf(...edits: readonly (readonly VersionEdit[])[]): DatabaseState {
  const state = new DatabaseState()
  for (const edit of edits) {
    const problem = applyEdits(state, edit)
    if (problem !== undefined) throw new Error(problem)
  }
  return state
}

/** A state as plain data, for comparisons. */
export function plain(state: DatabaseState): unknown {
  const { counters, replayFloor, retainFloor, cleanClose } = state
  const byId = <V>(map: ReadonlyMap<unknown, V>): [unknown, V][] =>
    [...map].sort(([a], [b]) => (String(a) < String(b) ? -1 : 1))
  return {
    counters,
    replayFloor,
    retainFloor,
    cleanClose,
    keyspaces: byId(state.keyspaces),
    keyspaceIds: byId(state.keyspaceIds),
    tables: byId(state.tables),
    journals: byId(state.journals),
  }
}

/** The edits that follow `firstEdits` in the sample manifest. */
export const laterEdits: readonly (readonly VersionEdit[])[] = [
  [
    { type: 'counters', nextFileId: 6, nextKeyspaceId: 2, nextSeqno: 5 },
    { type: 'keyspaceCreated', id: 1, name: 'users', keyEncoding: undefined, valueEncoding: 'json' },
    { type: 'journalCreated', id: 4 },
  ],
  [{ type: 'journalSealed', id: 1, length: 4096, chain: filled(8, 0xc4) }],
  [
    {
      type: 'keyspacePolicy',
      id: 1,
      policy: { ...DEFAULT_POLICY, strategy: 'fifo', sizeLimitBytes: 1_000_000 },
    },
  ],
  [
    { type: 'flushedSeqno', keyspaceId: 0, seqno: 10 },
    { type: 'tableAdded', table: table(5, 'a', 'm') },
    { type: 'journalRemoved', id: 1 },
    { type: 'replayFloor', id: 4 },
  ],
  [{ type: 'tableRemoved', keyspaceId: 0, tableId: 5 }],
]

export interface SampleManifest {
  readonly bytes: Uint8Array
  /** Ends of the frames; the first one ends the snapshot. */
  readonly ends: readonly number[]
  readonly chains: readonly Uint8Array[]
  /** The state at each end. */
  readonly states: readonly unknown[]
}

/** A manifest of several edits. `syncEach`: after every one, so that frames vouch for their predecessors. */
export async function sampleManifest(
  syncEach: boolean,
  edits: readonly (readonly VersionEdit[])[] = laterEdits,
): Promise<SampleManifest> {
  const fs = memoryFileSystem()
  const writer = await ManifestWriter.create(fs, kernel, header, stateOf(firstEdits))
  const ends = [writer.length]
  const chains = [writer.chain]
  const states = [plain(writer.state)]
  for (const edit of edits) {
    if (syncEach) writer.sync()
    writer.append(edit)
    ends.push(writer.length)
    chains.push(writer.chain)
    states.push(plain(writer.state))
  }
  const file = await fs.open(manifestName, false)
  const bytes = new Uint8Array(file.size())
  file.read(bytes, 0)
  return { bytes, ends, chains, states }
}

/** A superblock that says the manifest is durable up to the end of its frame number `frame`. */
export function superblockAt(sample: SampleManifest, frame: number, cleanClose = false): Superblock {
  return {
    databaseId,
    generation: 3,
    epoch: header.epoch,
    manifestId,
    manifestLength: sample.ends[frame] ?? 0,
    manifestChain: sample.chains[frame] ?? new Uint8Array(8),
    cleanClose,
  }
}

/** Reads `bytes` as a manifest file. */
export async function read(
  bytes: Uint8Array,
  superblock: Superblock,
  bootId: Uint8Array,
  maxBytes: number = 2 ** 20,
): Promise<ManifestContent> {
  const fs = memoryFileSystem()
  const file = fs.createSync?.(manifestName) ?? (await fs.create(manifestName))
  file.write(bytes, 0, bytes.byteLength, 0)
  return readManifest(file, kernel, superblock, bootId, maxBytes)
}

/** The code of the VarveError that `action` ends with; other errors pass. */
export async function codeOf(action: () => unknown): Promise<VarveErrorCode | undefined> {
  try {
    await action()
    return undefined
  } catch (error) {
    if (error instanceof VarveError) return error.code
    throw error
  }
}

export function flipped(bytes: Uint8Array, offset: number, mask: number): Uint8Array {
  const copy = bytes.slice()
  copy[offset] = (copy[offset] ?? 0) ^ mask
  return copy
}

const seqno = fc.integer({ min: 0, max: 2 ** 40 })
const key = fc.uint8Array({ maxLength: 12 })

/** Any table of keyspace 0 whose fields agree with each other. */
export const anyTable: fc.Arbitrary<TableInfo> = fc
  .record({
    id: fc.integer({ min: 1, max: 2 ** 53 - 2 }),
    level: fc.integer({ min: 0, max: 255 }),
    run: fc.maxSafeNat(),
    sizeBytes: fc.integer({ min: 1, max: 2 ** 53 - 1 }),
    salt: fc.uint8Array({ minLength: 16, maxLength: 16 }),
    keys: fc.tuple(key, key),
    seqnos: fc.tuple(seqno, seqno),
    counts: fc.tuple(fc.integer({ min: 1, max: 1e9 }), fc.nat()),
    fileChecksum: fc.uint8Array({ minLength: 8, maxLength: 8 }),
  })
  .map(({ keys, seqnos, counts, ...rest }) => {
    const [smallestKey, largestKey] = [...keys].sort((a, b) => Buffer.compare(a, b)) as [
      Uint8Array,
      Uint8Array,
    ]
    const [entries, tombstones] = counts
    return {
      ...rest,
      keyspaceId: 0,
      smallestKey,
      largestKey,
      lowestSeqno: Math.min(...seqnos),
      highestSeqno: Math.max(...seqnos),
      entries,
      tombstones: tombstones % (entries + 1),
      hiddenVersions: (7 * tombstones) % entries,
      createdAt: 1_000 * tombstones,
    }
  })
