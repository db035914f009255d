// Compiles the kernel (release and debug) and embeds the release build as hexadecimal text (which compresses better than base64: 23 instead of 30 kB) in src/kernel/wasm.generated.ts.
// Skips what is newer than every source file.
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import { createHash } from 'node:crypto'
import asc from 'assemblyscript/asc'

const generated = 'src/kernel/wasm.generated.ts'
const stamp = 'build/sources.sha256'

const digest = createHash('sha256')
const sources = readdirSync('assembly', { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => join(entry.parentPath, entry.name))
for (const file of [...sources.sort(), 'asconfig.json', 'package-lock.json']) {
  digest.update(file).update('\0').update(readFileSync(file)).update('\0')
}
const hash = digest.digest('hex')
const outputs = ['build/varve.wasm', 'build/varve.debug.wasm', generated]
if (outputs.every((file) => existsSync(file)) && existsSync(stamp) && readFileSync(stamp, 'utf8') === hash) {
  process.exit(0)
}

mkdirSync('build', { recursive: true })
for (const target of ['release', 'debug']) {
  const { error, stderr } = await asc.main(['assembly/index.ts', '--target', target])
  const text = stderr.toString()
  if (text) process.stderr.write(text)
  if (error) {
    process.stderr.write(`kernel (${target}): ${error.message}\n`)
    process.exit(1)
  }
}
const hex = readFileSync('build/varve.wasm').toString('hex')
writeFileSync(
  generated,
  `/** The release kernel, made by scripts/build-kernel.mjs. */\nexport const wasmHex: string =\n  '${hex}'\n`,
)
writeFileSync(stamp, hash)
process.stdout.write(`kernel: ${statSync('build/varve.wasm').size} bytes\n`)
