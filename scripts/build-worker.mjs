// Makes one file of the background thread's script and embeds it as text in src/workers/worker-source.generated.ts.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { build } from 'esbuild'

const generated = 'src/workers/worker-source.generated.ts'

/** Builds it if anything it is made of has changed. */
export async function buildWorker() {
  const { outputFiles } = await build({
    entryPoints: ['src/workers/node-worker.ts'],
    bundle: true,
    write: false,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    minify: true,
    legalComments: 'none',
    logLevel: 'warning',
    plugins: [
      {
        // The kernel comes as a compiled module.
        name: 'no-kernel',
        setup(builder) {
          builder.onLoad({ filter: /wasm\.generated\.ts$/ }, () => ({
            contents: "export const wasmBase64 = ''",
            loader: 'ts',
          }))
        },
      },
    ],
  })
  const [{ text }] = outputFiles
  const source = `/** The script of a background thread, made by scripts/build-worker.mjs. */\nexport const workerSource: string =\n  ${JSON.stringify(text)}\n`
  if (existsSync(generated) && readFileSync(generated, 'utf8') === source) return
  writeFileSync(generated, source)
  process.stdout.write(`background thread: ${text.length} bytes\n`)
}

await buildWorker()
