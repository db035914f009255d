import type { Keeper } from '../engine/keeper.ts'
import { missing } from '../engine/read-database.ts'
import { equalBytes } from '../bytes.ts'
import { corrupt } from '../errors.ts'
import type { File } from '../fs/filesystem.ts'
import { manifestFileName, superblockFileName } from '../fs/file-names.ts'
import { encodeEdits } from '../version/edit.ts'
import { MANIFEST_MAX_BYTES } from '../version/manifest-header.ts'
import { readManifest } from '../version/manifest-reader.ts'
import { snapshotEdit, type DatabaseState } from '../version/state.ts'
import {
  closeSuperblock,
  openSuperblock,
  readSuperblockFiles,
  type SuperblockFiles,
} from '../version/superblock.ts'
import { assertStillOpen, openIfThere } from './open-file.ts'
import type { VerifyReport } from '../engine/verify-report.ts'
import { addProblem, noteProblem } from './report.ts'

/** Reads superblock and manifest again, as the next open will, and compares them with the open database. @throws CLOSED */
export async function checkManifest(keeper: Keeper, report: VerifyReport): Promise<void> {
  const { catalog, fileSystem } = keeper
  let superblock: SuperblockFiles | undefined
  let manifest: File | undefined
  try {
    superblock = await openSuperblock(fileSystem)
    assertStillOpen(keeper)
    let id: number
    do {
      manifest?.close()
      id = catalog.manifestId
      manifest = await openIfThere(keeper, manifestFileName(id))
      // NOTE: a write may have gone over to another manifest, and deleted this one, while it was opened.
    } while (id !== catalog.manifestId)
    // ORDER: nothing is awaited from here on, so all that is compared is of one moment.
    checkFiles(keeper, superblock, manifest, report)
  } catch (error) {
    noteProblem(report, error)
  } finally {
    if (superblock !== undefined) closeSuperblock(superblock)
    manifest?.close()
  }
}

function checkFiles(
  { kernel, catalog, databaseId, fileSystem }: Keeper,
  superblockFiles: SuperblockFiles,
  manifest: File | undefined,
  report: VerifyReport,
): void {
  const { a, b } = superblockFiles
  for (const file of [a, b, manifest]) {
    if (file === undefined) continue
    report.files++
    report.bytes += file.size()
  }
  const found = readSuperblockFiles(superblockFiles, kernel)
  if (found.kind !== 'found') {
    throw a === undefined && b === undefined
      ? missing(superblockFileName('a'))
      : corrupt(superblockFileName('a'), 0, 'no copy of the superblock is whole')
  }
  const { superblock, copy, damaged } = found
  if (damaged !== undefined) {
    addProblem(report, corrupt(damaged.file, 0, `its content is not used (${damaged.reason})`))
  }
  const isOurs =
    equalBytes(superblock.databaseId, databaseId) &&
    superblock.epoch === catalog.epoch &&
    superblock.manifestId === catalog.manifestId
  if (!isOurs) throw corrupt(superblockFileName(copy), 16, 'it is not that of the open database')
  if (manifest === undefined) throw missing(manifestFileName(catalog.manifestId))
  const { state, cut } = readManifest(manifest, kernel, superblock, fileSystem.bootId, MANIFEST_MAX_BYTES)
  if (cut !== undefined) throw corrupt(manifest.name, cut.offset, `it ends there (${cut.reason})`)
  if (!equalBytes(snapshotOf(state), snapshotOf(catalog.state))) {
    throw corrupt(manifest.name, 0, 'what it adds up to is not what the open database stands on')
  }
}

/** The same for the same state. */
function snapshotOf(state: DatabaseState): Uint8Array {
  return encodeEdits(snapshotEdit(state))
}
