import type { Engine } from '../engine/engine.ts'
import { corrupt, VarveError } from '../errors.ts'
import { journalFileName, manifestFileName } from '../fs/file-names.ts'
import { scanJournal } from '../journal/scan.ts'
import { MANIFEST_MAX_BYTES } from '../version/manifest-header.ts'
import { readManifest } from '../version/manifest-reader.ts'
import { readSuperblock } from '../version/superblock.ts'
import { addProblem, noteProblem, type VerifyReport } from './report.ts'

/** Reads superblock and manifest again, as the next open will. */
export async function checkManifest(engine: Engine, report: VerifyReport): Promise<void> {
  const { fileSystem, kernel } = engine
  try {
    const found = await readSuperblock(fileSystem, kernel)
    if (found.kind !== 'found') throw corrupt('superblock-a', 0, 'no copy of the superblock can be read')
    report.files++
    if (found.damaged !== undefined) {
      addProblem(report, corrupt(found.damaged.file, 0, `its content is not used (${found.damaged.reason})`))
    }
    const { superblock } = found
    const file = await fileSystem.open(manifestFileName(superblock.manifestId), false)
    try {
      report.files++
      report.bytes += file.size()
      const { state, cut } = readManifest(file, kernel, superblock, fileSystem.bootId, MANIFEST_MAX_BYTES)
      if (cut !== undefined) throw corrupt(file.name, cut.offset, `it ends there (${cut.reason})`)
      for (const [id, table] of engine.catalog.state.tables) {
        const listed = state.tables.get(id)
        if (listed?.level === table.level && listed.run === table.run) continue
        throw corrupt(file.name, 0, `it does not say the same of table ${id} as the open database`)
      }
    } finally {
      file.close()
    }
  } catch (error) {
    noteProblem(report, error)
  }
}

/** Reads every frame of the journals that the manifest names. */
export async function checkJournals(engine: Engine, report: VerifyReport): Promise<void> {
  const { fileSystem, kernel, catalog } = engine
  for (const { id, seal } of [...catalog.state.journals.values()]) {
    const name = journalFileName(id)
    try {
      const file = await fileSystem.open(name, false).catch((error: unknown) => {
        throw isNotFound(error)
          ? new VarveError('MISSING_FILE', `${name} is missing.`, { file: name })
          : error
      })
      try {
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
      if (catalog.state.journals.has(id)) noteProblem(report, error)
    }
  }
}

function isNotFound(error: unknown): boolean {
  return error instanceof VarveError && error.code === 'NOT_FOUND'
}
