import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import asc from 'assemblyscript/asc'
import { halfCompressibleValues, randomSource, sequentialKeys } from './data.mjs'
import { median, timedSync } from './measure.mjs'

const PAGE_BYTES = 131_072
/** Bytes that are compressed or decompressed in a round. */
const ROUND_BYTES = 64 * 1024 * 1024
/** Blocks of a round, so that it is not always the same bytes that are predicted. */
const BLOCKS = 64

/** The kernel's LZ4 alone, by blocks as tables have them and by extents: raw bytes per second. */
export async function run({ rounds }) {
  const x = await kernel()
  const rows = []
  for (const [data, fill] of [
    ['half compressible', recordBytes()],
    ['incompressible', noiseBytes()],
    ['zeros', () => new Uint8Array(PAGE_BYTES)],
  ]) {
    for (const blockBytes of [4096, 32_768, 131_008]) rows.push(measure(x, data, fill, blockBytes, rounds))
  }
  print(rows, rounds)
  return rows
}

function measure(x, data, fill, blockBytes, rounds) {
  const { u8 } = x
  // Each region starts on a page; blocks lie close together, because at distances of a power of two they would share cache lines.
  const scratch = PAGE_BYTES
  const out = 2 * PAGE_BYTES
  const raw = (i) => 4 * PAGE_BYTES + i * blockBytes
  const compressed = (i) => (6 + BLOCKS) * PAGE_BYTES + i * (blockBytes + 1024)
  const lengths = []
  for (let i = 0; i < BLOCKS; i++) {
    u8.set(fill(i).subarray(0, blockBytes), raw(i))
    lengths.push(x.lz4Compress(raw(i), blockBytes, compressed(i), blockBytes + 1024, scratch))
  }
  const steps = Math.ceil(ROUND_BYTES / blockBytes)
  const times = { compress: [], decompress: [] }
  // NOTE: one round more, not counted: the engine compiles the kernel's loops anew when they have run for a while.
  for (let round = -1; round < rounds; round++) {
    if (round === 0) times.compress.length = times.decompress.length = 0
    times.compress.push(
      timedSync(() => {
        for (let i = 0; i < steps; i++) x.lz4Compress(raw(i % BLOCKS), blockBytes, out, PAGE_BYTES, scratch)
      }),
    )
    if (lengths.includes(0)) continue
    times.decompress.push(
      timedSync(() => {
        for (let i = 0; i < steps; i++) {
          if (!x.lz4Decompress(compressed(i % BLOCKS), lengths[i % BLOCKS], out, blockBytes))
            throw new Error('lost')
        }
      }),
    )
  }
  const rate = (milliseconds) =>
    milliseconds.length === 0 ? undefined : Math.round((steps * blockBytes * 1000) / median(milliseconds))
  return {
    name: `${data}, ${blockBytes} B`,
    ratio: lengths.includes(0) ? 1 : lengths.reduce((sum, length) => sum + length, 0) / (BLOCKS * blockBytes),
    compressBytesPerSecond: rate(times.compress),
    decompressBytesPerSecond: rate(times.decompress),
  }
}

/** Keys and values one behind the other. */
function recordBytes() {
  const keys = sequentialKeys(80_000)
  const values = halfCompressibleValues(80_000)
  const bytes = Buffer.concat(keys.flatMap((key, i) => [key, values[i]]))
  return (i) => bytes.subarray(i * PAGE_BYTES, (i + 1) * PAGE_BYTES)
}

function noiseBytes() {
  const random = randomSource(4)
  return () => Uint8Array.from({ length: PAGE_BYTES }, () => random() * 256)
}

function print(rows, rounds) {
  const speed = (bytes) => (bytes === undefined ? 'stored raw' : `${(bytes / 1e9).toFixed(2)} GB/s`)
  process.stdout.write(
    `\nlz4: median of ${rounds}\n\n| data, block | ratio | compress | decompress |\n|---|--:|--:|--:|\n`,
  )
  for (const { name, ratio, compressBytesPerSecond, decompressBytesPerSecond } of rows) {
    process.stdout.write(
      `| ${name} | ${ratio.toFixed(3)} | ${speed(compressBytesPerSecond)} | ${speed(decompressBytesPerSecond)} |\n`,
    )
  }
}

/** The release build of the kernel's inner functions, which no export shows. */
async function kernel() {
  const directory = mkdtempSync(join(tmpdir(), 'varve-bench-'))
  try {
    const file = join(directory, 'internals.wasm')
    const { error, stderr } = await asc.main([
      'assembly/internals.ts',
      '--target',
      'release',
      '--outFile',
      file,
    ])
    if (error) throw new Error(`kernel: ${stderr.toString()}`)
    const wasmPages = ((2 * BLOCKS + 8) * PAGE_BYTES) / 65536
    const memory = new WebAssembly.Memory({ initial: wasmPages, maximum: wasmPages, shared: true })
    const { instance } = await WebAssembly.instantiate(readFileSync(file), { env: { memory, abort() {} } })
    return { ...instance.exports, u8: new Uint8Array(memory.buffer) }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
