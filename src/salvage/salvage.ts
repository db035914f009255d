import { randomBytes } from '../bytes.ts'
import type { EngineOptions } from '../engine/thread.ts'
import { VarveError } from '../errors.ts'
import { parseFileName, provesDatabase, superblockFileName } from '../fs/file-names.ts'
import type { FileSystem } from '../fs/filesystem.ts'
import { Kernel } from '../kernel/kernel.ts'
import { readFindings, type Findings } from './findings.ts'
import { GuardedFiles } from './guarded-files.ts'
import { Rebuild } from './rebuild.ts'
import type { SalvageReport } from '../engine/salvage-report.ts'

/**
 * Puts a sound database in the place of a damaged one: everything that can be read and believed, whatever is lost. The files as they were are kept aside first. Works on memory
 * of its own.
 *
 * CRASH: until its superblock is written the new database is files that nothing names; after that the old one is.
 * @returns undefined if nothing was damaged; then nothing was changed
 * @throws LOCKED, NOT_SUPPORTED, FORMAT_VERSION (a newer version can read it), DISK_FULL, IO, NO_MEMORY; the old files are as they were
 */
export async function salvageDatabase(
  fileSystem: FileSystem,
  options: EngineOptions,
): Promise<SalvageReport | undefined> {
  try {
    await fileSystem.prepare(false)
  } catch (error) {
    if (error instanceof VarveError && error.code === 'NOT_FOUND') return undefined
    throw error
  }
  if (!(await fileSystem.list()).some(provesDatabase)) return undefined
  const lock = await fileSystem.lock()
  try {
    const kernel = Kernel.create(options.memoryLimit, randomBytes(8))
    try {
      const names = (await fileSystem.list()).filter(isContent)
      const findings = await readFindings(fileSystem, kernel, names)
      if (findings === undefined) return undefined
      try {
        return await replace(fileSystem, kernel, options, findings, names)
      } finally {
        findings.close()
      }
    } finally {
      kernel.release()
    }
  } finally {
    await lock.release()
  }
}

async function replace(
  fileSystem: FileSystem,
  kernel: Kernel,
  options: EngineOptions,
  findings: Findings,
  names: readonly string[],
): Promise<SalvageReport> {
  if (fileSystem.keepAside === undefined) {
    throw new VarveError(
      'NOT_SUPPORTED',
      `${fileSystem.location} cannot keep the damaged files aside, so nothing is salvaged.`,
    )
  }
  const rebuild = new Rebuild(new GuardedFiles(fileSystem, names), kernel, options, findings, names)
  const { keeper } = rebuild
  try {
    rebuild.run()
    const superblocks = new Set([superblockFileName('a'), superblockFileName('b')])
    const keptIn = await fileSystem.keepAside(names, superblocks)
    await keeper.catalog.replaceSuperblock(fileSystem, findings.superblock)
    await keeper.finish()
    const { found } = findings.losses
    return {
      keptIn,
      losses: found,
      recoveredEntries: rebuild.recoveredEntries,
      mayBeOld:
        found.some(({ bytes, entries }) => bytes > 0 || entries !== undefined) || !findings.isManifestWhole,
    }
  } finally {
    keeper.close()
  }
}

/** Files that hold something: the lock's are its own. */
function isContent(name: string): boolean {
  const kind = parseFileName(name)?.kind
  return kind !== undefined && kind !== 'lock' && kind !== 'owner'
}
