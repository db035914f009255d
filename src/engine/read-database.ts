import type { SalvageReport } from './salvage-report.ts'
import { corrupt, isNotFound, VarveError } from '../errors.ts'
import type { File, FileSystem } from '../fs/filesystem.ts'
import { journalFileName, manifestFileName, parseFileName, tableFileName } from '../fs/file-names.ts'
import { BatchWalk } from '../journal/batch-walk.ts'
import { withFlippedBit } from '../journal/damaged-frame.ts'
import type { JournalLink } from '../journal/format.ts'
import { decideLogEnd, type JournalCut, type LogEnd, type RecoveryPolicy } from '../journal/log-end.ts'
import { scanJournal, scanJournals, type JournalSource } from '../journal/scan.ts'
import type { Kernel } from '../kernel/kernel.ts'
import { openTable } from '../table/open.ts'
import type { TableFile } from '../table/table-file.ts'
import { applyEdits } from '../version/fold.ts'
import { MANIFEST_MAX_BYTES } from '../version/manifest-header.ts'
import { readManifest, type ManifestCut } from '../version/manifest-reader.ts'
import { lowestNextSeqno, type DatabaseState } from '../version/state.ts'
import type { DamagedCopy, SuperblockFound } from '../version/superblock.ts'

/** No counter comes this far; somebody's file under such a name must not be where it goes on. */
const FILE_ID_LIMIT = 2 ** 52

/** What recovery cut off the end of the log; all zero and '' when nothing. */
export interface RecoveryReport {
  droppedBytes: number
  /** File name and offset, `0000000000000003.wal:1234`; '' when nothing was dropped. */
  droppedFrom: string
  reason: string
  /** There was no database: this open made it. */
  isNew?: true
  /** In pages: there was one, but the browser has removed what this site stored. */
  wasEvicted?: true
  /** Of `recovery: 'salvage'`, if something was damaged. */
  salvage?: SalvageReport
}

/** A journal to replay: valid frames up to `length`. */
export interface ReplayJournal {
  readonly id: number
  readonly file: File
  readonly sizeBytes: number
  readonly length: number
}

/** What a database directory holds, read and checked; nothing was changed. */
export interface StoredDatabase {
  readonly databaseId: Uint8Array
  readonly epoch: number
  readonly manifestId: number
  readonly state: DatabaseState
  readonly tables: ReadonlyMap<number, TableFile>
  /** In the order of their ids. */
  readonly journals: readonly ReplayJournal[]
  /** The end of the log: predecessor of the next journal. */
  readonly tail: JournalLink | undefined
  /** Seqno that follows the log; undefined without frames. */
  readonly logNextSeqno: number | undefined
  /** Above every seqno ever given out. */
  readonly nextSeqno: number
  /** Above every id in the manifest and in the directory. */
  readonly nextFileId: number
  /** Files of ours that the state does not name. */
  readonly orphans: readonly string[]
  /** Closed cleanly: everything is sealed, and nothing need be written before the first write. */
  readonly clean: boolean
  readonly recovery: RecoveryReport
}

/**
 * Reads a database in this order: superblock (already found) → manifest → tables → all journals. Read-only.
 * @throws CORRUPT, MISSING_FILE, FORMAT_VERSION, IO, NO_MEMORY; files opened so far are closed then
 */
export async function readDatabase(
  fileSystem: FileSystem,
  kernel: Kernel,
  names: readonly string[],
  found: SuperblockFound,
  policy: RecoveryPolicy,
): Promise<StoredDatabase> {
  const opened: File[] = []
  const open = async (name: string, writable: boolean): Promise<File> => {
    const file = await fileSystem.open(name, writable).catch((error: unknown) => {
      throw isNotFound(error) ? missing(name) : error
    })
    opened.push(file)
    return file
  }
  try {
    const { superblock } = found
    const manifestFile = await open(manifestFileName(superblock.manifestId), false)
    const manifest = readManifest(manifestFile, kernel, superblock, fileSystem.bootId, MANIFEST_MAX_BYTES)
    manifestFile.close()
    const { state } = manifest
    if (manifest.cut !== undefined && policy === 'strict') {
      throw corrupt(
        manifestFile.name,
        manifest.cut.offset,
        `it ends there (${manifest.cut.reason}), and recovery is 'strict'`,
      )
    }

    const tables = new Map<number, TableFile>()
    for (const info of state.tables.values()) {
      tables.set(info.id, openTable(kernel, await open(tableFileName(info.id), false), info))
    }

    const sources: JournalSource[] = []
    for (const journal of [...state.journals.values()].sort((a, b) => a.id - b.id)) {
      const name = journalFileName(journal.id)
      // NOTE: opened for writing because it is synced before it is sealed.
      sources.push({
        id: journal.id,
        name,
        file: await open(name, true),
        batches: new BatchWalk(kernel),
        seal: journal.seal === undefined ? undefined : { id: journal.id, ...journal.seal },
      })
    }
    const end = decideLogEnd({
      databaseId: superblock.databaseId,
      epoch: superblock.epoch,
      bootId: fileSystem.bootId,
      policy,
      journals: scanJournals(kernel, sources),
    })
    if (end instanceof VarveError) throw withFlippedBit(kernel, sources, end)
    refuseUnknownKeyspaces(sources, end, state)

    await refuseLostJournals(fileSystem, kernel, names, state, superblock.epoch, manifestFile.name)
    const clean = superblock.cleanClose && state.cleanClose !== undefined
    const allSealed = [...state.journals.values()].every((journal) => journal.seal !== undefined)
    if (!clean || !allSealed) {
      // Sealing edits follow the fdatasync of what they seal; they become durable with the next epoch's manifest.
      for (const { file } of sources) file?.sync()
      const seals = end.journals.filter(({ id }) => state.journals.get(id)?.seal === undefined)
      const problem = applyEdits(
        state,
        seals.map((link) => ({ type: 'journalSealed', ...link })),
      )
      if (problem !== undefined) throw corrupt(manifestFile.name, manifest.length, problem)
    }
    return {
      databaseId: superblock.databaseId,
      epoch: superblock.epoch,
      manifestId: superblock.manifestId,
      state,
      tables,
      journals: replayOf(sources, end.journals),
      tail: end.tail,
      logNextSeqno: end.nextSeqno,
      nextSeqno: Math.max(1, lowestNextSeqno(state), end.nextSeqno ?? 1),
      nextFileId: Math.max(state.counters.nextFileId, highestFileId(names) + 1),
      orphans: orphansOf(names, state, superblock.manifestId),
      clean: clean && allSealed && end.cut === undefined,
      recovery: report(manifestFile.name, found.damaged, manifest.cut, end.cut),
    }
  } catch (error) {
    for (const file of opened) file.close()
    throw error
  }
}

function replayOf(sources: readonly JournalSource[], ends: readonly JournalLink[]): ReplayJournal[] {
  const journals: ReplayJournal[] = []
  for (const { id, file } of sources) {
    if (file === undefined) continue
    const length = ends.find((end) => end.id === id)?.length ?? 0
    journals.push({ id, file, sizeBytes: file.size(), length })
  }
  return journals
}

/** What was left out, the most important first: the end of the log, of the manifest, a copy of the superblock. */
function report(
  manifestName: string,
  copy: DamagedCopy | undefined,
  manifest: ManifestCut | undefined,
  log: JournalCut | undefined,
): RecoveryReport {
  if (log !== undefined) {
    const { file, offset } = log.droppedFrom
    return {
      droppedBytes: log.droppedBytes + (manifest?.bytes ?? 0),
      droppedFrom: `${file}:${offset}`,
      reason: log.reason,
    }
  }
  if (manifest !== undefined) {
    return {
      droppedBytes: manifest.bytes,
      droppedFrom: `${manifestName}:${manifest.offset}`,
      reason: manifest.reason,
    }
  }
  if (copy !== undefined) return { droppedBytes: 0, droppedFrom: `${copy.file}:0`, reason: copy.reason }
  return { droppedBytes: 0, droppedFrom: '', reason: '' }
}

/** Before anything is changed, as replay would refuse it afterwards. @throws CORRUPT */
function refuseUnknownKeyspaces(
  sources: readonly JournalSource[],
  { journals }: LogEnd,
  { counters }: DatabaseState,
): void {
  for (const { id, name, batches } of sources) {
    const highest = batches?.highest
    const isReplayed = journals.some((end) => end.id === id && end.length > 0)
    if (!isReplayed || highest === undefined || highest.id < counters.nextKeyspaceId) continue
    throw corrupt(name, highest.offset, `it writes to keyspace ${highest.id}, which never existed`)
  }
}

/**
 * A journal gets frames only once a durable edit names it. So one of this epoch, above all that are named, above the floor (those of a clean close are not named any more) and with a
 * frame in it, proves that the manifest lost its end. @throws CORRUPT
 */
async function refuseLostJournals(
  fileSystem: FileSystem,
  kernel: Kernel,
  names: readonly string[],
  state: DatabaseState,
  epoch: number,
  manifestName: string,
): Promise<void> {
  const highest = Math.max(state.replayFloor, ...state.journals.keys())
  for (const name of names) {
    const parsed = parseFileName(name)
    if (parsed?.kind !== 'journal' || parsed.id <= highest) continue
    const file = await fileSystem.open(name, false)
    try {
      const scan = scanJournal(kernel, file, undefined)
      if (scan.header?.epoch === epoch && scan.frames > 0) {
        throw corrupt(manifestName, 0, `its end is lost: it does not name ${name}, which was written to`)
      }
    } finally {
      file.close()
    }
  }
}

/** @throws CORRUPT if there is an id that leaves no others to go on with */
export function highestFileId(names: readonly string[]): number {
  let highest = 0
  for (const name of names) {
    const file = parseFileName(name)
    if (file === undefined || !('id' in file)) continue
    if (file.id >= FILE_ID_LIMIT) {
      const message = `${name} was not made by this program: no database has so many files; move it away and open again.`
      throw new VarveError('CORRUPT', message, { file: name })
    }
    highest = Math.max(highest, file.id)
  }
  return highest
}

/** Files whose names are ours and that nothing names. Strangers are not among them. */
function orphansOf(names: readonly string[], state: DatabaseState, manifestId: number): string[] {
  return names.filter((name) => {
    const file = parseFileName(name)
    if (file === undefined || !('id' in file)) return false
    if (file.kind === 'table') return !state.tables.has(file.id)
    if (file.kind === 'journal') return !state.journals.has(file.id)
    // NOTE: the manifest in use becomes an orphan when the next epoch's takes over.
    return file.kind !== 'manifest' || file.id !== manifestId
  })
}

export function missing(name: string): VarveError {
  return new VarveError(
    'MISSING_FILE',
    `${name} is missing. Nothing was changed; restore it from a backup.`,
    {
      file: name,
    },
  )
}
