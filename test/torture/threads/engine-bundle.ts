import { readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { build, type Plugin } from 'esbuild'
import { root } from '../root.ts'
import { isOfKernel, patchedKernel } from './patched-kernel.ts'
import { patched, type Patch } from './patches.ts'

const KERNEL = /wasm\.generated\.ts$/
const SCRIPT = /worker-source\.generated\.ts$/

/** On the first line, so that lines count as before. */
const importDawdle = `import { dawdle, doze, linger } from ${JSON.stringify(join(root, 'test/torture/threads/dawdle.ts'))}; `

/**
 * Makes one file of a program and of the engine that it imports, with patches in the engine, in the script of its background thread, and in the kernel. Packages stay outside.
 * @throws if a patch does not fit, or its file is not a part of the program
 */
export async function bundleWithEngine(
  entry: string,
  outfile: string,
  patches: readonly Patch[],
): Promise<string> {
  const used = new Set<string>()
  const ofKernel = patches.filter(isOfKernel)
  const ofEngine = patches.filter((patch) => !isOfKernel(patch))
  const script = await bundleScript(ofEngine, used)
  await build({
    absWorkingDir: root,
    entryPoints: [entry],
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    outfile,
    logLevel: 'silent',
    packages: 'external',
    plugins: [
      patching(ofEngine, used),
      replacing(SCRIPT, 'workerSource', script),
      ...(ofKernel.length === 0 ? [] : [replacing(KERNEL, 'wasmHex', patchedKernel(root, ofKernel))]),
    ],
  })
  for (const { file } of ofEngine) {
    if (!used.has(file)) throw new Error(`the patched file ${file} is no part of the program`)
  }
  return join(root, outfile)
}

/** As scripts/build-worker.mjs makes it. */
async function bundleScript(patches: readonly Patch[], used: Set<string>): Promise<string> {
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: ['src/workers/node-worker.ts'],
    bundle: true,
    write: false,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    logLevel: 'silent',
    plugins: [patching(patches, used), replacing(KERNEL, 'wasmHex', '')],
  })
  return outputFiles[0]?.text ?? ''
}

function replacing(filter: RegExp, name: string, text: string): Plugin {
  return {
    name: `replacing-${name}`,
    setup(builder) {
      builder.onLoad({ filter }, () => ({
        contents: `export const ${name} = ${JSON.stringify(text)}`,
        loader: 'ts',
      }))
    },
  }
}

function patching(patches: readonly Patch[], used: Set<string>): Plugin {
  return {
    name: 'patching',
    setup(builder) {
      builder.onLoad({ filter: /\/src\/.*\.ts$/ }, ({ path }) => {
        const file = relative(root, path).replaceAll('\\', '/')
        const own = patches.filter((patch) => patch.file === file)
        if (own.length === 0) return undefined
        used.add(file)
        const contents = patched(readFileSync(path, 'utf8'), file, own)
        return {
          contents: /(dawdle|doze|linger)\(\)/.test(contents) ? importDawdle + contents : contents,
          loader: 'ts',
        }
      })
    },
  }
}
