import type { Keeper } from './keeper.ts'
import { VarveError } from '../errors.ts'
import type { File, FileSystem } from '../fs/filesystem.ts'
import { manifestFileName } from '../fs/file-names.ts'
import type { VersionEdit } from '../version/edit.ts'
import { ManifestWriter, type ManifestPosition } from '../version/manifest.ts'
import { applyEdits } from '../version/fold.ts'
import { DatabaseState, snapshotEdit } from '../version/state.ts'
import { SuperblockWriter, type SuperblockPosition } from '../version/superblock-writer.ts'
import type { SuperblockContent, SuperblockFound } from '../version/superblock.ts'

/** A manifest is replaced by a fresh one when it is longer than this and than twice its first edit. */
const MANIFEST_LIMIT_BYTES = 1048576

/** What a catalog begins with. `superblock`: undefined while the database is being created. */
export interface CatalogStart {
  readonly state: DatabaseState
  readonly superblock: SuperblockWriter | undefined
  readonly epoch: number
  readonly manifestId: number
  readonly nextFileId: number
}

/** An open catalog, as a value that can be sent to another thread. */
export interface CatalogPosition {
  /** Those that make the state out of nothing. */
  readonly edits: readonly VersionEdit[]
  readonly epoch: number
  readonly manifestId: number
  readonly nextFileId: number
  readonly firstLength: number
  readonly deferred: readonly VersionEdit[]
  readonly manifest: ManifestPosition
  readonly superblock: SuperblockPosition
}

/**
 * The structure of the database while it is open: its state, and the manifest and superblock that make every change of it durable.
 * Any failure here but a full disk poisons: nobody could say which structure is on disk.
 */
export class Catalog {
  readonly #keeper: Keeper
  #state: DatabaseState
  /** undefined while the database is being created. */
  #superblock: SuperblockWriter | undefined
  /** undefined until the first write of this open (an epoch of its own). */
  #manifest: ManifestWriter | undefined
  #manifestId: number
  #firstLength = 0
  #deferred: readonly VersionEdit[] = []
  #nextFileId: number
  epoch: number

  constructor(keeper: Keeper, start: CatalogStart) {
    this.#keeper = keeper
    this.#state = start.state
    this.#superblock = start.superblock
    this.epoch = start.epoch
    this.#manifestId = start.manifestId
    this.#nextFileId = start.nextFileId
  }

  /** Goes on, on another thread, where `handOver` left off. */
  static takeOver(
    keeper: Keeper,
    adopt: (name: string, descriptor: number) => File,
    position: CatalogPosition,
  ): Catalog {
    const state = stateOf(position.edits)
    const superblock = SuperblockWriter.takeOver(keeper.kernel, adopt, position.superblock)
    const catalog = new Catalog(keeper, { ...position, state, superblock })
    const { manifest } = position
    catalog.#manifest = ManifestWriter.takeOver(
      adopt(manifest.name, manifest.descriptor),
      keeper.kernel,
      manifest,
      state,
    )
    catalog.#firstLength = position.firstLength
    catalog.#deferred = position.deferred
    return catalog
  }

  /** Where another thread goes on. INVARIANT: the epoch has begun; this one writes no more. @throws POISONED */
  handOver(): CatalogPosition {
    if (this.#superblock === undefined) throw new Error('catalog: there is no superblock yet')
    return {
      edits: snapshotEdit(this.#state),
      epoch: this.epoch,
      manifestId: this.#manifestId,
      nextFileId: this.#nextFileId,
      firstLength: this.#firstLength,
      deferred: this.#deferred,
      manifest: this.#writer().handOver(),
      superblock: this.#superblock.handOver(),
    }
  }

  get state(): DatabaseState {
    return this.#state
  }

  /** Of the manifest in use. */
  get manifestId(): number {
    return this.#manifestId
  }

  /** Whether this open has its own epoch, so that files may be written. */
  get begun(): boolean {
    return this.#manifest !== undefined
  }

  /** An id for a new file, never given out before. */
  newFileId(): number {
    return this.#nextFileId++
  }

  /** Makes edits durable and applies them: all or none. @throws DISK_FULL (nothing changed), or poisons. */
  log(edits: readonly VersionEdit[]): void {
    this.#keeper.refusePoisoned()
    this.#guard(() => {
      this.#writer().append([this.#counters(), ...this.#deferred, ...edits])
      this.#deferred = []
      this.#writer().sync()
    })
    const { length, state } = this.#writer()
    if (length <= Math.max(MANIFEST_LIMIT_BYTES, 2 * this.#firstLength) || state.cleanClose !== undefined)
      return
    try {
      this.#replaceManifest([])
    } catch (error) {
      // NOTE: the edits are durable all the same; without a fresh one the manifest stays as long as it is, until the next try.
      if (!this.#keeper.writable) throw error
    }
  }

  /** Leaves edits that nothing waits for to the next `log`. */
  defer(edits: readonly VersionEdit[]): void {
    this.#deferred = [...this.#deferred, ...edits]
  }

  /**
   * Starts an epoch: a new manifest that says everything, named by the superblock.
   * CRASH: until the superblock is written the old manifest counts and the new one is an orphan.
   */
  begin(edits: readonly VersionEdit[]): void {
    this.epoch++
    try {
      this.#replaceManifest(edits)
    } catch (error) {
      if (!this.begun) this.epoch--
      throw error
    }
  }

  /** The last step of creation: from here on there is a database. */
  async createSuperblock(fileSystem: FileSystem): Promise<void> {
    this.#superblock = await SuperblockWriter.create(
      fileSystem,
      this.#keeper.kernel,
      this.#superblockContent(false),
    )
  }

  /** The last step of a salvage: from here on this database is the one in the directory. `found`: the superblock of the one before, if it can be read. */
  async replaceSuperblock(fileSystem: FileSystem, found: SuperblockFound | undefined): Promise<void> {
    this.#superblock = await SuperblockWriter.replace(
      fileSystem,
      this.#keeper.kernel,
      found,
      this.#superblockContent(false),
    )
  }

  /** Writes the superblock: what the manifest says now stays, so files it gave up may be deleted. */
  coverBySuperblock(cleanClose = false): void {
    this.#keeper.refusePoisoned()
    this.#guard(() => this.#superblock?.write(this.#superblockContent(cleanClose)))
  }

  close(): void {
    this.#manifest?.close()
    this.#superblock?.close()
  }

  #counters(): VersionEdit {
    return {
      type: 'counters',
      nextFileId: this.#nextFileId,
      nextKeyspaceId: this.#keeper.nextKeyspaceId,
      nextSeqno: this.#keeper.kernel.exports.nextSeqno(),
    }
  }

  #superblockContent(cleanClose: boolean): SuperblockContent {
    const manifest = this.#writer()
    return {
      databaseId: this.#keeper.databaseId,
      epoch: this.epoch,
      manifestId: this.#manifestId,
      manifestLength: manifest.durableLength,
      manifestChain: manifest.durableChain,
      cleanClose,
    }
  }

  /** Goes over to a fresh manifest that begins with the whole state. */
  #replaceManifest(edits: readonly VersionEdit[]): void {
    const { files } = this.#keeper
    const oldId = this.#manifestId
    const id = this.newFileId()
    // NOTE: outside of what poisons: a file that cannot be made changes nothing.
    const file = files.create(manifestFileName(id))
    this.#guard(() => {
      // NOTE: the first edit of a snapshot are the counters; ours cover the ids given out since.
      const state = stateOf([this.#counters(), ...snapshotEdit(this.#state).slice(1)])
      const manifest = this.#firstFrames(file, id, state, edits)
      this.#manifest?.close()
      this.#manifest = manifest
      this.#manifestId = id
      this.#state = manifest.state
      this.#firstLength = manifest.length
    })
    this.coverBySuperblock()
    if (oldId !== 0) files.removeOrphan(manifestFileName(oldId))
  }

  /** A manifest of the state and the edits, durable (but at creation not its name), or none. */
  #firstFrames(file: File, id: number, state: DatabaseState, edits: readonly VersionEdit[]): ManifestWriter {
    try {
      const manifest = ManifestWriter.start(file, this.#keeper.kernel, this.#keeper.manifestHeader(id), state)
      if (edits.length > 0) manifest.append(edits)
      manifest.sync()
      // NOTE: at creation the superblock's own names are still to come: it syncs the directory before a byte is in it.
      if (this.#superblock !== undefined) this.#keeper.syncDirectory()
      return manifest
    } catch (error) {
      file.close()
      this.#keeper.files.removeOrphan(file.name)
      throw error
    }
  }

  #writer(): ManifestWriter {
    if (this.#manifest === undefined) throw new Error('catalog: no epoch has begun')
    return this.#manifest
  }

  #guard(step: () => void): void {
    try {
      step()
    } catch (error) {
      if (error instanceof VarveError && error.code === 'DISK_FULL') throw error
      throw this.#keeper.poison(error)
    }
  }
}

/** The state that edits make out of nothing. */
function stateOf(edits: readonly VersionEdit[]): DatabaseState {
  const state = new DatabaseState()
  const problem = applyEdits(state, edits)
  if (problem !== undefined) throw new Error(`the state contradicts itself: ${problem}`)
  return state
}
