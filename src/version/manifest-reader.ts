/** Reading a manifest: what it adds up to, and what was cut off its end. Nothing is changed. */
import { becameShorter, corrupt } from '../errors.ts'
import type { File } from '../fs/filesystem.ts'
import { equalBytes } from '../bytes.ts'
import { type Hasher } from './binary.ts'
import { decodeEdits } from './edit.ts'
import { applyEdits } from './fold.ts'
import { isSameBoot, manifestEnd } from './manifest-end.ts'
import { FRAME_HEADER_BYTES, FrameFormat } from './manifest-frame.ts'
import {
  chainOfHeader,
  decodeManifestHeader,
  MANIFEST_HEADER_BYTES,
  type ManifestHeader,
} from './manifest-header.ts'
import { DatabaseState } from './state.ts'
import type { Superblock } from './superblock.ts'

/** The end of a log that recovery left out. */
export interface ManifestCut {
  readonly offset: number
  readonly bytes: number
  readonly reason: string
}

export interface ManifestContent {
  readonly header: ManifestHeader
  readonly state: DatabaseState
  /** End of the last edit. */
  readonly length: number
  readonly chain: Uint8Array
  readonly cut: ManifestCut | undefined
}

/**
 * Reads the manifest that the superblock names.
 * @param maxBytes refuses longer files, before anything is allocated
 * @throws CORRUPT, FORMAT_VERSION, IO
 */
export function readManifest(
  file: File,
  hasher: Hasher,
  superblock: Superblock,
  currentBootId: Uint8Array,
  maxBytes: number,
): ManifestContent {
  const bytes = readWhole(file, maxBytes)
  const header = decodeManifestHeader(hasher, bytes, file.name)
  checkIdentity(header, superblock, file.name)
  const log = new ManifestLog(file.name, bytes, hasher, header, superblock)
  const damage = log.readEdits()
  const cut = damage === undefined ? undefined : log.end(damage, isSameBoot(header.bootId, currentBootId))
  log.checkEnd()
  return { header, state: log.state, length: log.length, chain: log.chain, cut }
}

/** What a manifest says up to its first damage. */
export interface ManifestPrefix {
  readonly header: ManifestHeader
  readonly state: DatabaseState
}

/**
 * Reads a manifest as far as it can be believed, whatever the superblock says of it.
 * @throws CORRUPT if not even its header can be, FORMAT_VERSION, IO
 */
export function readManifestPrefix(file: File, hasher: Hasher, maxBytes: number): ManifestPrefix {
  const bytes = readWhole(file, maxBytes)
  const header = decodeManifestHeader(hasher, bytes, file.name)
  const frames = new FrameFormat(hasher, header.salt)
  const state = new DatabaseState()
  let chain = chainOfHeader(bytes)
  for (let offset = MANIFEST_HEADER_BYTES; offset < bytes.byteLength;) {
    const frame = frames.check(bytes, offset, chain)
    if (frame.kind !== 'valid') break
    const edits = decodeEdits(frame.payload, { file: file.name, offset: offset + FRAME_HEADER_BYTES })
    if (applyEdits(state, edits) !== undefined) break
    offset += frame.header.frameBytes
    chain = frame.chain
  }
  return { header, state }
}

function readWhole(file: File, maxBytes: number): Uint8Array {
  const size = file.size()
  if (size > maxBytes) throw corrupt(file.name, maxBytes, `it is longer than ${maxBytes} bytes`)
  const bytes = new Uint8Array(size)
  // NOTE: taken for the end of the log, a read that was cut short could hide durable edits.
  if (file.read(bytes, 0) < size) throw becameShorter(file.name, 0)
  return bytes
}

function checkIdentity(header: ManifestHeader, superblock: Superblock, file: string): void {
  if (!equalBytes(header.databaseId, superblock.databaseId))
    throw corrupt(file, 16, 'it belongs to another database')
  if (header.manifestId !== superblock.manifestId) throw corrupt(file, 32, 'it is another manifest')
  if (header.epoch !== superblock.epoch) throw corrupt(file, 40, 'it belongs to another epoch')
}

interface Damage {
  readonly isIncomplete: boolean
  readonly what: string
}

class ManifestLog {
  readonly state: DatabaseState = new DatabaseState()
  length: number = MANIFEST_HEADER_BYTES
  chain: Uint8Array
  readonly #file: string
  readonly #bytes: Uint8Array
  readonly #frames: FrameFormat
  readonly #superblock: Superblock

  constructor(
    file: string,
    bytes: Uint8Array,
    hasher: Hasher,
    header: ManifestHeader,
    superblock: Superblock,
  ) {
    this.#file = file
    this.#bytes = bytes
    this.#frames = new FrameFormat(hasher, header.salt)
    this.#superblock = superblock
    this.chain = chainOfHeader(bytes)
  }

  /** Applies edits until one is not valid. @returns what is wrong with it, undefined at the end of the file. */
  readEdits(): Damage | undefined {
    const { manifestLength, manifestChain } = this.#superblock
    while (this.length < this.#bytes.byteLength) {
      const frame = this.#frames.check(this.#bytes, this.length, this.chain)
      if (frame.kind === 'incomplete') return { isIncomplete: true, what: 'the last edit is incomplete' }
      if (frame.kind === 'damaged') return { isIncomplete: false, what: frame.what }
      const start = this.length
      this.#apply(frame.payload)
      this.length += frame.header.frameBytes
      this.chain = frame.chain
      if (start < manifestLength && manifestLength <= this.length) {
        const isAsRecorded = manifestLength === this.length && equalBytes(this.chain, manifestChain)
        if (!isAsRecorded) throw corrupt(this.#file, start, 'its edits are not those the superblock tells of')
      }
    }
    return undefined
  }

  /** Decides about the first damage. @throws CORRUPT unless the log may end there. */
  end(damage: Damage, sameBoot: boolean): ManifestCut {
    const offset = this.length
    const { cleanClose, manifestLength } = this.#superblock
    const verdict = manifestEnd({
      offset,
      isIncomplete: damage.isIncomplete,
      // NOTE: a killed process wrote nothing behind what it was cut off in, so there is nothing to search.
      provenLength: sameBoot
        ? manifestLength
        : Math.max(manifestLength, this.#frames.provenBehind(this.#bytes, offset)),
      isSameBoot: sameBoot,
      isCleanClose: cleanClose,
    })
    if (verdict === 'corrupt') throw corrupt(this.#file, offset, damage.what)
    return { offset, bytes: this.#bytes.byteLength - offset, reason: damage.what }
  }

  /** What must be true of any manifest that was read to its end. */
  checkEnd(): void {
    const { manifestId, manifestLength, cleanClose } = this.#superblock
    const { state, length } = this
    if (length < manifestLength) throw corrupt(this.#file, length, 'its end is missing')
    if (
      state.counters.nextFileId <= manifestId ||
      state.tables.has(manifestId) ||
      state.journals.has(manifestId)
    ) {
      throw corrupt(this.#file, MANIFEST_HEADER_BYTES, 'its own id was never given out')
    }
    if (cleanClose && (state.cleanClose === undefined || length !== manifestLength)) {
      throw corrupt(this.#file, length, 'it does not end with the clean close that the superblock tells of')
    }
  }

  #apply(payload: Uint8Array): void {
    const source = { file: this.#file, offset: this.length + FRAME_HEADER_BYTES }
    const problem = applyEdits(this.state, decodeEdits(payload, source))
    if (problem !== undefined) throw corrupt(this.#file, this.length, problem)
  }
}
