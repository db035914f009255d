// Compiles the kernel as its interleavings are explored (test/torture/sched): assembly/explored with a point in front of every atomic access,
// and with binaryen's asyncify pass, so that a thread can be left at a point and gone on with later. Skips what is newer than every source file.
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import asc from 'assemblyscript/asc'

const stamp = 'build/explored.sha256'
const outputs = ['build/explored.wasm', 'build/explored.json']

const digest = createHash('sha256')
const sources = readdirSync('assembly', { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => join(entry.parentPath, entry.name))
for (const file of [...sources.sort(), 'asconfig.json', 'package-lock.json', 'scripts/build-explored.mjs']) {
  digest.update(file).update('\0').update(readFileSync(file)).update('\0')
}
const hash = digest.digest('hex')
if (outputs.every((file) => existsSync(file)) && existsSync(stamp) && readFileSync(stamp, 'utf8') === hash) {
  process.exit(0)
}

/** PLACE of assembly/explored/atomic.ts, as the text has it and as a signed LEB128 behind i32.const (0x41). */
const PLACE_TEXT = `i32.const ${0x5c4ed01e}`
const PLACE_BYTES = Buffer.from([0x41, 0x9e, 0xa0, 0xbb, 0xe2, 0x05])

/** Kinds of points, as assembly/explored/atomic.ts numbers them. */
const KINDS = ['load', 'store', 'add', 'exchange']
const WIDE = 4

function fail(message) {
  process.stderr.write(`explored kernel: ${message}\n`)
  process.exit(1)
}

const files = new Map()
const { error, stderr } = await asc.main(
  ['assembly/explored/index.ts', '--target', 'explored', '--outFile', 'x.wasm', '--textFile', 'x.wat'],
  { writeFile: (name, contents) => void files.set(name, contents) },
)
if (error) fail(`${stderr.toString()}${error.message}`)

// Text and binary are of one module, so the places stand in both in the same order: the text names their functions.
const places = []
let inFunction = ''
const lines = files.get('x.wat').split('\n')
for (const [i, line] of lines.entries()) {
  const start = /^ \(func \$(\S+)/.exec(line)
  if (start !== null) inFunction = start[1].replace(/^assembly\//, '')
  if (!line.includes(PLACE_TEXT)) continue
  const kind = Number(/i32\.const (\d)$/.exec(lines[i + 1])?.[1])
  places.push(`${inFunction}: ${KINDS[kind & 3]} u${kind < WIDE ? 32 : 64}`)
}
const binary = Buffer.from(files.get('x.wasm'))
let count = 0
for (let at = binary.indexOf(PLACE_BYTES); at >= 0; at = binary.indexOf(PLACE_BYTES, at + 1)) {
  // The same length, so that nothing else moves: a LEB128 may have leading zeros.
  binary.set([(count & 0x7f) | 0x80, ((count >>> 7) & 0x7f) | 0x80, 0x80, 0x80, 0x00], at + 1)
  count++
}
if (count === 0 || count !== places.length)
  fail(`${count} places in the binary, ${places.length} in the text`)
if (!WebAssembly.validate(binary)) fail('the numbered binary is not valid')

mkdirSync('build', { recursive: true })
writeFileSync('build/explored.wasm', binary)
writeFileSync('build/explored.json', JSON.stringify(places, undefined, 2))
writeFileSync(stamp, hash)
process.stdout.write(`explored kernel: ${binary.length} bytes, ${count} places\n`)
