import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** What is measured below the public API. */
const SOURCES = [
  'assembly/memory/layout',
  'src/sync/lock-thread',
  'src/sync/mutex',
  'src/sync/rw-lock',
  'src/kernel/kernel',
  'src/engine/memtable',
  'src/engine/super-version',
  'src/engine/version-record',
  'src/journal/format',
]

/** Bundles the sources into a module that every thread can import, for as long as `use` takes. */
export async function withSources(use) {
  const directory = mkdtempSync(join(tmpdir(), 'varve-bench-'))
  try {
    const outfile = join(directory, 'sources.mjs')
    await build({
      stdin: {
        contents: SOURCES.map((name) => `export * from './${name}.ts'`).join('\n'),
        resolveDir: ROOT,
      },
      bundle: true,
      outfile,
      platform: 'node',
      format: 'esm',
      target: 'node20',
    })
    return await use(pathToFileURL(outfile).href)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
