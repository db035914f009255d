// Writes the golden database of this version beside this file: node test/torture/golden/make.mjs format-2
// and then: npm run format
// NOTE: what an earlier version made stays as it is; every later one must read it (compat.ts).
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { deflateSync } from 'node:zlib'
import { build } from 'esbuild'

const here = dirname(fileURLToPath(import.meta.url))
const [format] = process.argv.slice(2)
if (format === undefined) throw new Error('usage: node test/torture/golden/make.mjs format-<n>')
const outfile = join(here, '../../../build/torture/golden-build.mjs')
await build({
  entryPoints: [join(here, 'build.ts')],
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  outfile,
  logLevel: 'warning',
})
const { buildGolden } = await import(pathToFileURL(outfile).href)
const { before, tail, ...images } = await buildGolden()

const base64 = (bytes) => Buffer.from(bytes).toString('base64')
/** Of what is gone: null. */
const stored = (value) => (value === undefined ? null : base64(deflateSync(value)))
const index = {
  /** Image → file → where its bytes are; bytes that several images have are there once. */
  images: {},
  before: [...before].map(([keyspace, entries]) => [
    keyspace,
    [...entries].map(([key, value]) => [base64(Buffer.from(key, 'latin1')), stored(value)]),
  ]),
  tail: tail.map((commit) => commit.map(([keyspace, key, value]) => [keyspace, base64(key), stored(value)])),
}
const places = new Map()
for (const [image, files] of Object.entries(images)) {
  mkdirSync(join(here, format, image), { recursive: true })
  index.images[image] = {}
  for (const [name, bytes] of [...files].sort()) {
    const content = base64(bytes)
    const place = places.get(content) ?? `${image}/${name}`
    if (!places.has(content)) writeFileSync(join(here, format, place), bytes)
    places.set(content, place)
    index.images[image][name] = place
  }
}
writeFileSync(join(here, format, 'index.json'), JSON.stringify(index))
