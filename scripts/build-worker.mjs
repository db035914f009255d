// Makes one file of each script that is started as text, and embeds it: the background thread's in src/workers/worker-source.generated.ts, the engine of browsers in src/page/engine-source.generated.ts.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { build } from 'esbuild'

const shared = { bundle: true, write: false, minify: true, legalComments: 'none', logLevel: 'warning' }

/** Builds it if anything it is made of has changed. */
async function embed(what, generated, name, options) {
  const { outputFiles } = await build({ ...shared, ...options })
  const [{ text }] = outputFiles
  const source = `/** The script of ${what}, made by scripts/build-worker.mjs. */\nexport const ${name}: string =\n  ${JSON.stringify(text)}\n`
  if (!existsSync(generated) || readFileSync(generated, 'utf8') !== source) {
    writeFileSync(generated, source)
    process.stdout.write(`${what}: ${text.length} bytes\n`)
  }
  return text
}

export async function buildWorker() {
  await embed('the background thread', 'src/workers/worker-source.generated.ts', 'workerSource', {
    entryPoints: ['src/workers/node-worker.ts'],
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    plugins: [
      {
        // The kernel comes as a compiled module.
        name: 'no-kernel',
        setup(builder) {
          builder.onLoad({ filter: /wasm\.generated\.ts$/ }, () => ({
            contents: "export const wasmHex = ''",
            loader: 'ts',
          }))
        },
      },
    ],
  })
  const engine = await embed(
    'the engine in browsers',
    'src/page/engine-source.generated.ts',
    'engineSource',
    {
      entryPoints: ['src/remote/engine.ts'],
      platform: 'browser',
      format: 'iife',
      globalName: 'varveEngine',
      target: 'es2022',
    },
  )
  mkdirSync('build', { recursive: true })
  writeFileSync('build/browser-worker.js', `${engine};varveEngine.serve(self)\n`)
}

await buildWorker()
