/** Writing a manifest: a fresh file that begins with a snapshot of the state, then one frame per edit. */
import { VarveError } from '../errors.ts'
import { manifestFileName } from '../fs/file-names.ts'
import type { File, FileSystem } from '../fs/filesystem.ts'
import type { Hasher } from './binary.ts'
import { encodeEdits, type VersionEdit } from './edit.ts'
import { applyEdits, planEdits } from './fold.ts'
import { FrameFormat } from './manifest-frame.ts'
import {
  chainOfHeader,
  encodeManifestHeader,
  MANIFEST_HEADER_BYTES,
  MANIFEST_MAX_BYTES,
  type ManifestHeader,
} from './manifest-header.ts'
import { DatabaseState, snapshotEdit } from './state.ts'

/** A length of the manifest and the chain there. */
export interface Mark {
  readonly length: number
  readonly chain: Uint8Array
}

/** An open manifest, as a value that can be sent to another thread. */
export interface ManifestPosition {
  readonly name: string
  readonly descriptor: number
  readonly header: ManifestHeader
  readonly end: Mark
  readonly durable: Mark
}

/**
 * Appends edits to a manifest that it created. After any failure it stays POISONED; only an append that found the
 * disk full and could be undone leaves it as it was.
 *
 * INVARIANT: `state` is what a reader makes of the file up to `length`.
 */
export class ManifestWriter {
  readonly header: ManifestHeader
  /** Owned by the writer: changes with every append. */
  readonly state: DatabaseState
  readonly #file: File
  readonly #frames: FrameFormat
  readonly #maxBytes: number
  #end: Mark
  #durable: Mark = { length: 0, chain: new Uint8Array(8) }
  #poison: VarveError | undefined

  private constructor(
    file: File,
    frames: FrameFormat,
    header: ManifestHeader,
    state: DatabaseState,
    end: Mark,
    maxBytes: number,
  ) {
    this.#file = file
    this.#frames = frames
    this.header = header
    this.state = state
    this.#end = end
    this.#maxBytes = maxBytes
  }

  /** As `start`, on a file it creates. @throws EXISTS, DISK_FULL, IO; nothing stays behind then as far as that is possible */
  static async create(
    fs: FileSystem,
    hasher: Hasher,
    header: ManifestHeader,
    state: DatabaseState,
    maxBytes: number = MANIFEST_MAX_BYTES,
  ): Promise<ManifestWriter> {
    const file = await fs.create(manifestFileName(header.manifestId))
    try {
      return ManifestWriter.start(file, hasher, header, state, maxBytes)
    } catch (error) {
      file.close()
      // The error is what matters; a file that resists is an orphan that the next open deletes.
      await fs.remove(file.name).catch(() => undefined)
      throw error
    }
  }

  /**
   * Writes header and snapshot into an empty file, which it takes over; not yet synced. `state` is copied, without its clean close.
   * @throws DISK_FULL, IO
   */
  static start(
    file: File,
    hasher: Hasher,
    header: ManifestHeader,
    state: DatabaseState,
    maxBytes: number = MANIFEST_MAX_BYTES,
  ): ManifestWriter {
    const { manifestId } = header
    const snapshot = snapshotEdit(state)
    const copy = new DatabaseState()
    const problem = applyEdits(copy, snapshot)
    if (problem !== undefined) throw new Error(`manifest snapshot: ${problem}`)
    if (
      manifestId >= state.counters.nextFileId ||
      state.journals.has(manifestId) ||
      state.tables.has(manifestId)
    ) {
      throw new Error(`manifest id ${manifestId} was not taken from the counter`)
    }
    const headerBytes = encodeManifestHeader(hasher, header)
    const frames = new FrameFormat(hasher, header.salt)
    const frame = frames.encode(encodeEdits(snapshot), headerBytes.byteLength, chainOfHeader(headerBytes), 0)
    const bytes = new Uint8Array(MANIFEST_HEADER_BYTES + frame.byteLength)
    bytes.set(headerBytes)
    bytes.set(frame, MANIFEST_HEADER_BYTES)
    if (bytes.byteLength > maxBytes) throw outgrown(manifestFileName(manifestId), maxBytes)
    file.write(bytes, 0, bytes.byteLength, 0)
    const end: Mark = { length: bytes.byteLength, chain: frame.slice(0, 8) }
    return new ManifestWriter(file, frames, header, copy, end, maxBytes)
  }

  /** Goes on, on another thread, where `handOver` left off. `state`: what the file says. */
  static takeOver(
    file: File,
    hasher: Hasher,
    { header, end, durable }: ManifestPosition,
    state: DatabaseState,
  ): ManifestWriter {
    const frames = new FrameFormat(hasher, header.salt)
    const writer = new ManifestWriter(file, frames, header, state, end, MANIFEST_MAX_BYTES)
    writer.#durable = durable
    return writer
  }

  /** Where another thread goes on. INVARIANT: this one writes no more. @throws POISONED */
  handOver(): ManifestPosition {
    this.#requireSound()
    return {
      name: this.#file.name,
      descriptor: this.#file.descriptor,
      header: this.header,
      end: this.#end,
      durable: this.#durable,
    }
  }

  get fileName(): string {
    return this.#file.name
  }

  get length(): number {
    return this.#end.length
  }

  get chain(): Uint8Array {
    return this.#end.chain
  }

  /** Where the last sync that succeeded found the end: what a superblock may say. */
  get durableLength(): number {
    return this.#durable.length
  }

  /** The chain at `durableLength`. */
  get durableChain(): Uint8Array {
    return this.#durable.chain
  }

  /**
   * Appends the edits as one frame, applied whole or not at all; not yet synced. Ids need counters that cover them,
   * earlier in the same edit or before.
   * @returns the number of bytes written
   * @throws DISK_FULL when nothing was changed, POISONED, NOT_SUPPORTED when the manifest would become too long
   */
  append(edits: readonly VersionEdit[]): number {
    this.#requireSound()
    const change = planEdits(this.state, edits)
    if (typeof change === 'string') throw new Error(`manifest edit: ${change}`)
    const { length, chain } = this.#end
    const frame = this.#frames.encode(encodeEdits(edits), length, chain, this.#durable.length)
    if (length + frame.byteLength > this.#maxBytes) throw outgrown(this.#file.name, this.#maxBytes)
    try {
      this.#file.write(frame, 0, frame.byteLength, length)
    } catch (error) {
      throw this.#cutBack(error)
    }
    this.state.commit(change)
    this.#end = { length: length + frame.byteLength, chain: frame.slice(0, 8) }
    return frame.byteLength
  }

  /** Makes everything appended so far durable. @throws POISONED */
  sync(): void {
    this.#requireSound()
    const end = this.#end
    try {
      this.#file.sync()
    } catch (error) {
      throw this.#fail(error)
    }
    this.#settle(end)
  }

  /** The same without blocking this thread; what is appended meanwhile is not counted as durable. */
  async syncAsync(): Promise<void> {
    this.#requireSound()
    const end = this.#end
    try {
      await this.#file.syncAsync()
    } catch (error) {
      throw this.#fail(error)
    }
    this.#requireSound()
    this.#settle(end)
  }

  /** Not a sync. */
  close(): void {
    this.#file.close()
  }

  /** Undoes an append that found the disk full. */
  #cutBack(error: unknown): VarveError {
    if (!(error instanceof VarveError) || error.code !== 'DISK_FULL') return this.#fail(error)
    const end = this.#end
    try {
      this.#file.truncate(end.length)
      // CRASH: else a power loss could bring back the rest of the frame, under whatever is appended next.
      this.#file.sync()
    } catch (cause) {
      return this.#fail(cause)
    }
    this.#settle(end)
    return error
  }

  #settle(end: Mark): void {
    if (end.length > this.#durable.length) this.#durable = end
  }

  #requireSound(): void {
    if (this.#poison !== undefined) throw this.#poison
  }

  #fail(cause: unknown): VarveError {
    this.#poison ??= new VarveError(
      'POISONED',
      `${this.#file.name} could not be written, so nothing more is; close the database and open it again.`,
      { cause, file: this.#file.name },
    )
    return this.#poison
  }
}

function outgrown(file: string, maxBytes: number): VarveError {
  return new VarveError(
    'NOT_SUPPORTED',
    `${file} would be longer than ${maxBytes} bytes: there are too many tables; compact the database or use fewer keyspaces.`,
    { file },
  )
}
