import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { patched, type Patch } from './patches.ts'

/** Compiling takes some seconds; a kernel that was compiled before is used again. */
const FOLDER = 'build/torture/kernels'
const WASM = 'build/varve.wasm'

export function isOfKernel({ file }: Patch): boolean {
  return file.startsWith('assembly/')
}

/**
 * The release kernel compiled from patched sources, as hexadecimal text. NOTE: the engine's TypeScript reads assembly/memory/layout.ts as it is.
 * @throws if a patch does not fit or what comes of it does not compile
 */
export function patchedKernel(root: string, patches: readonly Patch[]): string {
  const folder = join(root, FOLDER, hashOf(root, patches))
  const wasm = join(folder, WASM)
  if (!existsSync(wasm)) compile(root, folder, patches)
  return readFileSync(wasm).toString('hex')
}

function compile(root: string, folder: string, patches: readonly Patch[]): void {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  for (const name of ['assembly', 'asconfig.json'])
    cpSync(join(root, name), join(folder, name), { recursive: true })
  for (const file of new Set(patches.map((patch) => patch.file))) {
    const own = patches.filter((patch) => patch.file === file)
    writeFileSync(join(folder, file), patched(readFileSync(join(root, file), 'utf8'), file, own))
  }
  const asc = join(root, 'node_modules/assemblyscript/bin/asc.js')
  const { status, stderr } = spawnSync(process.execPath, [asc, 'assembly/index.ts', '--target', 'release'], {
    cwd: folder,
    encoding: 'utf8',
  })
  if (status === 0) return
  rmSync(folder, { recursive: true, force: true })
  throw new Error(`the patched kernel does not compile: ${stderr}`)
}

function hashOf(root: string, patches: readonly Patch[]): string {
  const digest = createHash('sha256').update(JSON.stringify(patches))
  const files = readdirSync(join(root, 'assembly'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => join('assembly', file))
  for (const file of [...files.sort(), 'asconfig.json', 'package-lock.json'])
    digest
      .update(file)
      .update('\0')
      .update(readFileSync(join(root, file)))
      .update('\0')
  return digest.digest('hex').slice(0, 32)
}
