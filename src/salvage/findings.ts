import { equalBytes } from '../bytes.ts'
import { isNotFound, VarveError } from '../errors.ts'
import { journalFileName, manifestFileName, parseFileName, tableFileName } from '../fs/file-names.ts'
import type { File, FileSystem } from '../fs/filesystem.ts'
import { readJournalHeader } from '../journal/scan.ts'
import type { Kernel } from '../kernel/kernel.ts'
import { leftoversOfCreation } from '../engine/open.ts'
import { readDatabase, type StoredDatabase } from '../engine/read-database.ts'
import { fileChecksum } from '../table/file-checksum.ts'
import { openTable } from '../table/open.ts'
import type { TableFile } from '../table/table-file.ts'
import { freeTableRecord } from '../table/table-record.ts'
import { MANIFEST_MAX_BYTES } from '../version/manifest-header.ts'
import { readManifest, readManifestPrefix } from '../version/manifest-reader.ts'
import { DatabaseState } from '../version/state.ts'
import { readSuperblock, type SuperblockFound } from '../version/superblock.ts'
import type { TableInfo } from '../version/version.ts'
import { Losses } from './losses.ts'

/** A table that does not hold what the manifest says, or of which nothing is said. */
export interface DamagedTable {
  readonly id: number
  readonly file: File
  /** As the manifest has it, if that can be believed. */
  readonly info: TableInfo | undefined
}

export interface FoundJournal {
  readonly id: number
  readonly file: File
  /** Where the log ends in it, if that could be decided; then everything up to there is valid. */
  readonly end: number | undefined
}

/** What a damaged database still holds. Nothing was changed. */
export interface Findings {
  readonly superblock: SuperblockFound | undefined
  readonly databaseId: Uint8Array | undefined
  /** The highest that is named anywhere. */
  readonly epoch: number
  /** As the manifest says; of one that is damaged, as far as it can be read. */
  readonly state: DatabaseState
  /** Whether the manifest can be believed to its end: then what it does not name does not count. */
  readonly isManifestWhole: boolean
  readonly wholeTables: ReadonlyMap<number, TableFile>
  readonly damagedTables: readonly DamagedTable[]
  /** In the order of their ids. */
  readonly journals: readonly FoundJournal[]
  readonly losses: Losses
  /** Closes all files. */
  close(): void
}

/**
 * Reads every file of a database.
 * @returns undefined if nothing is damaged
 * @throws FORMAT_VERSION: a newer version can read it; IO, NO_MEMORY
 */
export async function readFindings(
  fileSystem: FileSystem,
  kernel: Kernel,
  names: readonly string[],
): Promise<Findings | undefined> {
  const losses = new Losses()
  const superblock = await readable(() => readSuperblock(fileSystem, kernel), losses)
  const isAbsent = superblock?.kind === 'unfinished' || superblock?.kind === 'none'
  // CRASH: the creation of a database was cut off: there is none yet.
  if (isAbsent && (await leftoversOfCreation(fileSystem, names)) !== undefined) return undefined
  const found = superblock?.kind === 'found' ? superblock : undefined
  if (found !== undefined) {
    const whole = new Losses()
    const stored = await readable(
      () => readDatabase(fileSystem, kernel, names, found, 'tolerate-tail'),
      whole,
    )
    if (stored !== undefined) return openedFindings(kernel, found, stored, losses)
  }
  const survey = new Survey(fileSystem, kernel, names, losses)
  try {
    return await survey.findings(found)
  } catch (error) {
    survey.close()
    throw error
  }
}

/** The database opens, but tables may be damaged where opening does not look. */
function openedFindings(
  kernel: Kernel,
  superblock: SuperblockFound,
  { databaseId, epoch, state, tables, journals }: StoredDatabase,
  losses: Losses,
): Findings | undefined {
  const wholeTables = new Map<number, TableFile>()
  const damagedTables: DamagedTable[] = []
  for (const [id, table] of tables) {
    if (isWhole(kernel, table.file, table.info)) wholeTables.set(id, table)
    else {
      freeTableRecord(kernel, table.record)
      damagedTables.push({ id, file: table.file, info: table.info })
    }
  }
  const close = (): void => {
    for (const { file } of [...damagedTables, ...journals, ...wholeTables.values()]) file.close()
  }
  if (damagedTables.length === 0) {
    close()
    return undefined
  }
  return {
    superblock,
    databaseId,
    epoch,
    state,
    isManifestWhole: true,
    wholeTables,
    damagedTables,
    journals: journals.map(({ id, file, length }) => ({ id, file, end: length })),
    losses,
    close,
  }
}

/** Looks at every file by itself. */
class Survey {
  readonly #fileSystem: FileSystem
  readonly #kernel: Kernel
  readonly #names: readonly string[]
  readonly #losses: Losses
  readonly #opened: File[] = []
  readonly #whole = new Map<number, TableFile>()
  #databaseId: Uint8Array | undefined
  #epoch = 0

  constructor(fileSystem: FileSystem, kernel: Kernel, names: readonly string[], losses: Losses) {
    this.#fileSystem = fileSystem
    this.#kernel = kernel
    this.#names = names
    this.#losses = losses
  }

  async findings(superblock: SuperblockFound | undefined): Promise<Findings> {
    this.#databaseId = superblock?.superblock.databaseId
    this.#epoch = superblock?.superblock.epoch ?? 0
    const whole = superblock === undefined ? undefined : await this.#wholeManifest(superblock)
    const state = whole ?? (await this.#manifestPrefix(superblock))
    const damagedTables = whole === undefined ? await this.#allTables() : await this.#tablesOf(whole)
    const journals = await this.#journals(whole)
    return {
      superblock,
      databaseId: this.#databaseId,
      epoch: this.#epoch,
      state,
      isManifestWhole: whole !== undefined,
      wholeTables: this.#whole,
      damagedTables,
      journals,
      losses: this.#losses,
      close: () => this.close(),
    }
  }

  close(): void {
    for (const file of this.#opened) file.close()
  }

  async #wholeManifest({ superblock }: SuperblockFound): Promise<DatabaseState | undefined> {
    const file = await this.#open(manifestFileName(superblock.manifestId))
    if (file === undefined) return undefined
    const { bootId } = this.#fileSystem
    const read = async (): Promise<DatabaseState> =>
      readManifest(file, this.#kernel, superblock, bootId, MANIFEST_MAX_BYTES).state
    return readable(read, this.#losses)
  }

  /** What can be read of the manifest in use, or of the newest one. */
  async #manifestPrefix(superblock: SuperblockFound | undefined): Promise<DatabaseState> {
    const ids = this.#idsOf('manifest').reverse()
    const named = superblock?.superblock.manifestId
    for (const id of named === undefined || !ids.includes(named) ? ids : [named, ...ids]) {
      const file = await this.#open(manifestFileName(id))
      if (file === undefined) continue
      const read = async (): Promise<ReturnType<typeof readManifestPrefix>> =>
        readManifestPrefix(file, this.#kernel, MANIFEST_MAX_BYTES)
      const prefix = await readable(read, this.#losses)
      if (prefix === undefined || prefix.state.keyspaces.size === 0) continue
      if (this.#databaseId !== undefined && !equalBytes(prefix.header.databaseId, this.#databaseId)) continue
      this.#databaseId = prefix.header.databaseId
      this.#epoch = Math.max(this.#epoch, prefix.header.epoch)
      return prefix.state
    }
    return new DatabaseState()
  }

  /** Opens the tables that the manifest names. @returns those that are not as it says */
  async #tablesOf(state: DatabaseState): Promise<DamagedTable[]> {
    const damaged: DamagedTable[] = []
    for (const info of state.tables.values()) {
      const file = await this.#open(tableFileName(info.id))
      if (file === undefined) {
        this.#losses.addEntries(tableFileName(info.id), info.entries)
        continue
      }
      const open = async (): Promise<TableFile> => openTable(this.#kernel, file, info)
      const table = await readable(open, new Losses())
      if (table !== undefined && isWhole(this.#kernel, file, info)) {
        this.#whole.set(info.id, table)
      } else {
        if (table !== undefined) freeTableRecord(this.#kernel, table.record)
        damaged.push({ id: info.id, file, info })
      }
    }
    return damaged
  }

  /** All that there are: nobody says which of them count. */
  async #allTables(): Promise<DamagedTable[]> {
    const tables: DamagedTable[] = []
    for (const id of this.#idsOf('table')) {
      const file = await this.#open(tableFileName(id))
      if (file !== undefined) tables.push({ id, file, info: undefined })
    }
    return tables
  }

  async #journals(state: DatabaseState | undefined): Promise<FoundJournal[]> {
    const journals: FoundJournal[] = []
    const ids = state === undefined ? this.#idsOf('journal') : [...state.journals.keys()]
    for (const id of ids.sort((a, b) => a - b)) {
      // NOTE: sealed as no part of the log.
      if (state?.journals.get(id)?.seal?.length === 0) continue
      const file = await this.#open(journalFileName(id))
      if (file === undefined) continue
      const header = readJournalHeader(this.#kernel, file)
      this.#databaseId ??= header?.databaseId
      this.#epoch = Math.max(this.#epoch, header?.epoch ?? 0)
      journals.push({ id, file, end: undefined })
    }
    return journals
  }

  #idsOf(kind: 'table' | 'journal' | 'manifest'): number[] {
    const ids: number[] = []
    for (const name of this.#names) {
      const file = parseFileName(name)
      if (file?.kind === kind) ids.push(file.id)
    }
    return ids.sort((a, b) => a - b)
  }

  async #open(name: string): Promise<File | undefined> {
    try {
      const file = await this.#fileSystem.open(name, false)
      this.#opened.push(file)
      return file
    } catch (error) {
      if (!isNotFound(error) && !isDamage(error)) throw error
      this.#losses.add(name, 0, 0, isNotFound(error) ? 'it is missing' : 'it is no regular file')
      return undefined
    }
  }
}

function isWhole(kernel: Kernel, file: File, info: TableInfo): boolean {
  if (file.size() !== info.sizeBytes) return false
  const steps = fileChecksum(kernel, file, info.sizeBytes)
  for (let step = steps.next(); ; step = steps.next())
    if (step.done === true) return equalBytes(step.value, info.fileChecksum)
}

/** What a step returns; undefined, and a loss, if it finds damage. @throws anything else */
async function readable<T>(step: () => Promise<T>, losses: Losses): Promise<T | undefined> {
  try {
    return await step()
  } catch (error) {
    if (!isDamage(error)) throw error
    losses.add(error.file ?? '', error.offset ?? 0, 0, error.message)
    return undefined
  }
}

function isDamage(error: unknown): error is VarveError {
  return error instanceof VarveError && (error.code === 'CORRUPT' || error.code === 'MISSING_FILE')
}
