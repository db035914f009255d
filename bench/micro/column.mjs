import { median } from '../measure.mjs'
import { contendedMs } from './contention.mjs'
import { functionsOf, initialise, shareTwins, shareWasm } from './functions.mjs'
import { IMAGE } from './image.mjs'

/** A sample takes at least this long, or as many runs as fill it. */
const SAMPLE_MS = 1
const SAMPLES_MIN = 5

/**
 * Measures a line on the kernel's functions or on the twins: nanoseconds of an operation, the result of a run, a digest of what it leaves.
 * `column`: 'wasm' or 'twin'; `image`: the bytes of the line's image. bench/native/micro.cc does the same.
 */
export async function measureColumn(column, { image, wasm, warmMs, timedMs, ...line }) {
  const shared = column === 'wasm' ? shareWasm(wasm) : shareTwins()
  const { functions, u8 } = functionsOf(shared)
  if (column === 'wasm') initialise(functions)
  u8.set(image, IMAGE)
  const { prepare, before, run, operations, output, threads } = line
  const call = ([name, ...given]) => functions[name](...given)
  if (prepare !== undefined) call(prepare)
  if (threads !== undefined) {
    const { ms, result } = await contendedMs(shared, { before, run, threads, call })
    return { ns: (ms * 1e6) / operations, result: result >>> 0, digest: digest(u8, output) }
  }
  let result
  let repeats = 1
  const sample = () => {
    if (before !== undefined) call(before)
    const start = performance.now()
    for (let i = 0; i < repeats; i++) result = call(run)
    return (performance.now() - start) / repeats
  }
  let last = SAMPLE_MS
  for (const end = performance.now() + warmMs; performance.now() < end;) last = sample()
  if (before === undefined) repeats = Math.max(1, Math.ceil(SAMPLE_MS / last))
  const times = []
  for (const end = performance.now() + timedMs; performance.now() < end || times.length < SAMPLES_MIN;)
    times.push(sample())
  return { ns: (median(times) * 1e6) / operations, result: result >>> 0, digest: digest(u8, output) }
}

/** FNV-1a of 32 bits. */
export function digest(u8, [from, length] = [0, 0]) {
  let sum = 0x811c9dc5
  for (let i = from; i < from + length; i++) sum = Math.imul(sum ^ u8[i], 0x01000193)
  return sum >>> 0
}
