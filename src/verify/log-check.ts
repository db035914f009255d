import type { Engine } from '../engine/engine.ts'
import { corrupt, VarveError } from '../errors.ts'
import type { File, FileSystem } from '../fs/filesystem.ts'
import { journalFileName, manifestFileName } from '../fs/file-names.ts'
import { scanJournal } from '../journal/scan.ts'
import { MANIFEST_MAX_BYTES } from '../version/manifest-header.ts'
import { readManifest } from '../version/manifest-reader.ts'
import {
  closeSuperblock,
  openSuperblock,
  readSuperblockFiles,
  type SuperblockFiles,
} from '../version/superblock.ts'
import { addProblem, noteProblem, type VerifyReport } from './report.ts'

/** Reads superblock and manifest again, as the next open will. */
export async function checkManifest(engine: Engine, report: VerifyReport): Promise<void> {
  const { fileSystem, kernel, catalog } = engine
  try {
    const { superblockFiles, manifestFile } = await openStructure(engine)
    try {
      // NOTE: the memory may be another database's by now.
      engine.assertOpen()
      const found = readSuperblockFiles(superblockFiles, kernel)
      if (found.kind !== 'found') throw corrupt('superblock-a', 0, 'no copy of the superblock can be read')
      report.files++
      const { superblock, damaged } = found
      if (damaged !== undefined) {
        addProblem(report, corrupt(damaged.file, 0, `its content is not used (${damaged.reason})`))
      }
      report.files++
      report.bytes += manifestFile.size()
      const { state, cut } = readManifest(
        manifestFile,
        kernel,
        superblock,
        fileSystem.bootId,
        MANIFEST_MAX_BYTES,
      )
      if (cut !== undefined) throw corrupt(manifestFile.name, cut.offset, `it ends there (${cut.reason})`)
      for (const [id, table] of catalog.state.tables) {
        const listed = state.tables.get(id)
        if (listed?.level === table.level && listed.run === table.run) continue
        throw corrupt(manifestFile.name, 0, `it does not say the same of table ${id} as the open database`)
      }
    } finally {
      closeSuperblock(superblockFiles)
      manifestFile.close()
    }
  } catch (error) {
    noteProblem(report, error)
  }
}

/** Opens the superblock and the manifest in use, to be read at one moment: both go on being written, and the manifest may be replaced. */
async function openStructure({
  fileSystem,
  catalog,
}: Engine): Promise<{ superblockFiles: SuperblockFiles; manifestFile: File }> {
  for (;;) {
    const id = catalog.manifestId
    const superblockFiles = await openSuperblock(fileSystem)
    try {
      const manifestFile = await openNamed(fileSystem, manifestFileName(id))
      if (catalog.manifestId === id) return { superblockFiles, manifestFile }
      manifestFile.close()
    } catch (error) {
      if (catalog.manifestId === id) {
        closeSuperblock(superblockFiles)
        throw error
      }
    }
    closeSuperblock(superblockFiles)
  }
}

/** Reads every frame of the journals that the manifest names. */
export async function checkJournals(engine: Engine, report: VerifyReport): Promise<void> {
  const { fileSystem, kernel, catalog } = engine
  for (const { id, seal } of [...catalog.state.journals.values()]) {
    const name = journalFileName(id)
    try {
      const file = await openNamed(fileSystem, name)
      try {
        engine.assertOpen()
        // NOTE: given up meanwhile, and deleted as soon as we close it.
        if (!catalog.state.journals.has(id)) continue
        report.files++
        report.bytes += file.size()
        const scan = scanJournal(kernel, file, seal?.length)
        const end = seal?.length ?? file.size()
        if (scan.validLength < end) {
          throw corrupt(name, scan.damage.offset, `a frame is damaged (${scan.damage.kind})`)
        }
      } finally {
        file.close()
      }
    } catch (error) {
      engine.assertOpen()
      if (catalog.state.journals.has(id)) noteProblem(report, error)
    }
  }
}

/** @throws MISSING_FILE, IO, … */
async function openNamed(fileSystem: FileSystem, name: string): Promise<File> {
  try {
    return await fileSystem.open(name, false)
  } catch (error) {
    if (!(error instanceof VarveError) || error.code !== 'NOT_FOUND') throw error
    throw new VarveError('MISSING_FILE', `${name} is missing.`, { file: name })
  }
}
