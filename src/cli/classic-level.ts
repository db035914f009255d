import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { unusable } from './failure.ts'

export type ClassicLevelPackage = typeof import('classic-level')

const NAME = 'classic-level'

/** Loads the package classic-level, which is the user's: the command neither contains nor depends on it. */
export async function loadClassicLevel(): Promise<ClassicLevelPackage> {
  const path = findPackage()
  if (path === undefined) {
    const places = `neither ${process.cwd()} nor ${dirname(fileURLToPath(import.meta.url))}`
    throw unusable(
      `The package ${NAME}, which reads LevelDB, was found from ${places}; run "npm install ${NAME}" and try again.`,
    )
  }
  try {
    return (await import(pathToFileURL(path).href)) as ClassicLevelPackage
  } catch (error) {
    throw unusable(
      `${path} cannot be loaded: ${error instanceof Error ? error.message : String(error)}`,
      error,
    )
  }
}

/** Where the package is: for the current directory (the user's project), else for the command itself. */
function findPackage(): string | undefined {
  for (const from of [join(process.cwd(), 'package.json'), import.meta.url]) {
    try {
      return createRequire(from).resolve(NAME)
    } catch {
      // Not there, or without its main file: the next place may have it.
    }
  }
  return undefined
}
