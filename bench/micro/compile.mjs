import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import asc from 'assemblyscript/asc'

/** Compiles the kernel's functions with their loops. `target`: of asconfig.json. */
export async function compileKernel(directory, target) {
  const file = join(directory, 'micro.wasm')
  const { error, stderr } = await asc.main([
    'bench/micro/kernel/index.ts',
    '--target',
    target,
    '--outFile',
    file,
  ])
  if (error) throw new Error(`kernel: ${stderr.toString()}`)
  return file
}

/** Compiles the native program. @returns its file, or undefined where there is no compiler */
export function compileNative(directory) {
  const source = fileURLToPath(new URL('../native/micro.cc', import.meta.url))
  const file = join(directory, 'micro')
  for (const compiler of [process.env.CXX, 'c++', 'g++', 'clang++']) {
    if (compiler === undefined) continue
    const { status, error, stderr } = spawnSync(
      compiler,
      ['-O3', '-std=c++17', '-pthread', source, '-o', file],
      { encoding: 'utf8' },
    )
    if (error !== undefined) continue
    if (status !== 0) throw new Error(`${compiler}: ${stderr}`)
    return file
  }
  return undefined
}
