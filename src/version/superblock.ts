/** The superblock: two copies of 128 bytes that name the current manifest (docs/manifest-format.md). */
import { becameShorter, corrupt, isNotFound, VarveError } from '../errors.ts'
import { superblockFileName, type SuperblockCopy } from '../fs/file-names.ts'
import type { File, FileSystem } from '../fs/filesystem.ts'
import { equalBytes, hasAscii, isZero, putAscii } from '../bytes.ts'
import { getU64, hash, putU64, unknownFormat, viewOf, type Hasher } from './binary.ts'
import { FRAME_ALIGNMENT } from './manifest-frame.ts'
import { MANIFEST_HEADER_BYTES } from './manifest-header.ts'

export const SUPERBLOCK_BYTES = 128
const magic = 'VARVESUP'
const formatVersion = 1
const zeroAt = 80
const checksumAt = 120

export interface SuperblockContent {
  /** 16 bytes. */
  readonly databaseId: Uint8Array
  readonly epoch: number
  readonly manifestId: number
  /** How much of the manifest is durable: edits end there. */
  readonly manifestLength: number
  /** The manifest's chain there, 8 bytes. */
  readonly manifestChain: Uint8Array
  readonly cleanClose: boolean
}

export interface Superblock extends SuperblockContent {
  /** Counts up with every rewrite, from 1. */
  readonly generation: number
}

export interface DamagedCopy {
  readonly copy: SuperblockCopy
  readonly file: string
  readonly reason: string
}

export interface SuperblockFound {
  readonly kind: 'found'
  readonly superblock: Superblock
  /** The copy it was read from. */
  readonly copy: SuperblockCopy
  /** The other one, when it is damaged or was left behind; the next write of the superblock replaces it. */
  readonly damaged: DamagedCopy | undefined
}

/** `none`: no database here. `unfinished`: its creation was cut off before the first copy was complete. */
export type SuperblockReading = SuperblockFound | { readonly kind: 'none' | 'unfinished' }

export function encodeSuperblock(hasher: Hasher, superblock: Superblock, copy: SuperblockCopy): Uint8Array {
  const bytes = new Uint8Array(SUPERBLOCK_BYTES)
  const view = viewOf(bytes)
  putAscii(bytes, 0, magic)
  view.setUint16(8, formatVersion, true)
  view.setUint16(10, SUPERBLOCK_BYTES, true)
  bytes.set(superblock.databaseId, 16)
  putU64(view, 32, superblock.generation)
  putU64(view, 40, superblock.epoch)
  putU64(view, 48, superblock.manifestId)
  putU64(view, 56, superblock.manifestLength)
  bytes.set(superblock.manifestChain, 64)
  putU64(view, 72, superblock.cleanClose ? 1 : 0)
  bytes.set(checksumOf(hasher, bytes, copy), checksumAt)
  return bytes
}

/** Reads one copy. @returns what is damaged, as a sentence. @throws FORMAT_VERSION */
export function decodeSuperblock(
  hasher: Hasher,
  bytes: Uint8Array,
  copy: SuperblockCopy,
): Superblock | string {
  if (bytes.byteLength !== SUPERBLOCK_BYTES) return `its length is not ${SUPERBLOCK_BYTES} bytes`
  if (!hasAscii(bytes, 0, magic)) return 'it does not start like a superblock'
  if (!equalBytes(checksumOf(hasher, bytes, copy), bytes.subarray(checksumAt))) return 'it fails its checksum'
  const view = viewOf(bytes)
  const file = superblockFileName(copy)
  const version = view.getUint16(8, true)
  if (version !== formatVersion) throw unknownFormat(file, 8, `superblock format ${version}`)
  if (view.getUint32(12, true) !== 0) throw unknownFormat(file, 12, 'a required flag')
  const superblock: Superblock = {
    databaseId: bytes.slice(16, 32),
    generation: getU64(view, 32),
    epoch: getU64(view, 40),
    manifestId: getU64(view, 48),
    manifestLength: getU64(view, 56),
    manifestChain: bytes.slice(64, 72),
    cleanClose: getU64(view, 72) === 1,
  }
  const { generation, epoch, manifestId, manifestLength } = superblock
  const isPlausible =
    view.getUint16(10, true) === SUPERBLOCK_BYTES &&
    [generation, epoch, manifestId, manifestLength].every((value) => Number.isFinite(value)) &&
    generation >= 1 &&
    manifestId >= 1 &&
    manifestLength > MANIFEST_HEADER_BYTES &&
    manifestLength % FRAME_ALIGNMENT === 0 &&
    getU64(view, 72) <= 1 &&
    isZero(bytes.subarray(zeroAt, checksumAt))
  return isPlausible ? superblock : 'its content does not add up'
}

/** XORed with the copy's letter, so that one copy cannot stand in for the other. */
function checksumOf(hasher: Hasher, bytes: Uint8Array, copy: SuperblockCopy): Uint8Array {
  const checksum = hash(hasher, bytes.subarray(0, checksumAt))
  checksum[0] = (checksum[0] as number) ^ copy.charCodeAt(0)
  return checksum
}

/** What is in the place of a copy. */
type CopyReading =
  | { readonly kind: 'missing' | 'empty' }
  | { readonly kind: 'damaged'; readonly reason: string }
  | { readonly kind: 'valid'; readonly superblock: Superblock }

/** Reads both copies. @throws CORRUPT, MISSING_FILE, FORMAT_VERSION, IO */
export async function readSuperblock(fs: FileSystem, hasher: Hasher): Promise<SuperblockReading> {
  const files = await openSuperblock(fs)
  try {
    return readSuperblockFiles(files, hasher)
  } finally {
    closeSuperblock(files)
  }
}

/** The open copies; undefined: there is no such file. */
export interface SuperblockFiles {
  readonly a: File | undefined
  readonly b: File | undefined
}

/** Opens both copies, to be read. @throws IO, … */
export async function openSuperblock(fs: FileSystem): Promise<SuperblockFiles> {
  const a = await openCopy(fs, 'a')
  try {
    return { a, b: await openCopy(fs, 'b') }
  } catch (error) {
    a?.close()
    throw error
  }
}

/** Reads both copies, at one moment: they may be in use. @throws as readSuperblock */
export function readSuperblockFiles({ a, b }: SuperblockFiles, hasher: Hasher): SuperblockReading {
  return choose(readCopy(a, hasher, 'a'), readCopy(b, hasher, 'b'))
}

export function closeSuperblock({ a, b }: SuperblockFiles): void {
  a?.close()
  b?.close()
}

async function openCopy(fs: FileSystem, copy: SuperblockCopy): Promise<File | undefined> {
  try {
    return await fs.open(superblockFileName(copy), false)
  } catch (error) {
    if (isNotFound(error)) return undefined
    throw error
  }
}

function readCopy(file: File | undefined, hasher: Hasher, copy: SuperblockCopy): CopyReading {
  if (file === undefined) return { kind: 'missing' }
  // One byte more than there should be, so that a longer file shows.
  const bytes = new Uint8Array(SUPERBLOCK_BYTES + 1)
  const read = file.read(bytes, 0)
  // NOTE: taken for damage, a read that was cut short would make the other copy, an older one, count.
  if (read < Math.min(file.size(), bytes.byteLength)) throw becameShorter(file.name, read)
  if (read === 0) return { kind: 'empty' }
  const superblock = decodeSuperblock(hasher, bytes.slice(0, read), copy)
  return typeof superblock === 'string'
    ? { kind: 'damaged', reason: superblock }
    : { kind: 'valid', superblock }
}

function choose(a: CopyReading, b: CopyReading): SuperblockReading {
  if (a.kind === 'missing' && b.kind === 'missing') return { kind: 'none' }
  if (isUnfinished(a, b)) return { kind: 'unfinished' }
  if (a.kind === 'missing') throw missing('a', 'b')
  if (b.kind === 'missing') throw missing('b', 'a')
  if (a.kind === 'valid' && b.kind === 'valid') return chooseValid(a.superblock, b.superblock)
  if (a.kind === 'valid') return found(a.superblock, 'a', reasonOf(b))
  if (b.kind === 'valid') return found(b.superblock, 'b', reasonOf(a))
  throw corrupt(superblockFileName('a'), 0, `${reasonOf(a)}, and so is the other copy: ${reasonOf(b)}`)
}

/**
 * CRASH: creation makes both files, empty, and flushes the directory before it writes a; b is written when a is
 * durable. So it was cut off iff nothing is in b and nothing whole in a.
 */
function isUnfinished(a: CopyReading, b: CopyReading): boolean {
  if (b.kind === 'missing') return a.kind === 'empty'
  return b.kind === 'empty' && a.kind !== 'valid'
}

function chooseValid(a: Superblock, b: Superblock): SuperblockFound {
  if (!equalBytes(a.databaseId, b.databaseId)) {
    throw corrupt(superblockFileName('b'), 16, 'it belongs to another database than superblock-a')
  }
  if (a.generation === b.generation) {
    if (!isSame(a, b)) throw corrupt(superblockFileName('b'), 40, 'it contradicts superblock-a')
    return found(a, 'a', undefined)
  }
  const isNewer = a.generation > b.generation
  // NOTE: copies in use are at most one generation apart, and then a crash came between them.
  const isOld = Math.abs(a.generation - b.generation) > 1
  return found(isNewer ? a : b, isNewer ? 'a' : 'b', isOld ? 'it is an old one' : undefined)
}

function isSame(a: Superblock, b: Superblock): boolean {
  return (
    a.epoch === b.epoch &&
    a.manifestId === b.manifestId &&
    a.manifestLength === b.manifestLength &&
    equalBytes(a.manifestChain, b.manifestChain) &&
    a.cleanClose === b.cleanClose
  )
}

function found(
  superblock: Superblock,
  copy: SuperblockCopy,
  otherReason: string | undefined,
): SuperblockFound {
  const other: SuperblockCopy = copy === 'a' ? 'b' : 'a'
  const damaged =
    otherReason === undefined
      ? undefined
      : { copy: other, file: superblockFileName(other), reason: otherReason }
  return { kind: 'found', superblock, copy, damaged }
}

function reasonOf(reading: CopyReading): string {
  return reading.kind === 'damaged' ? reading.reason : 'it is empty'
}

function missing(copy: SuperblockCopy, other: SuperblockCopy): VarveError {
  const file = superblockFileName(copy)
  return new VarveError(
    'MISSING_FILE',
    `${file} is missing, but ${superblockFileName(other)} is there; restore it from the same backup as the rest.`,
    { file },
  )
}
