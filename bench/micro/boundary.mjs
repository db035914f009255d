import { median } from '../measure.mjs'
import { functionsOf, initialise, shareWasm } from './functions.mjs'
import { IMAGE } from './image.mjs'

const CALLS = 100_000
const POOL_WORDS = 16_384

/** Calls into the kernel's module and copies across its boundary, as varve makes them: what each costs alone. @returns nanoseconds by name */
export function measureBoundary({ wasm, warmMs, timedMs }) {
  const { functions, u8 } = functionsOf(shareWasm(wasm))
  initialise(functions)
  const { takeNothing, takeFourNumbers } = functions
  const key = Buffer.alloc(16, 'k')
  const value = Buffer.alloc(100, 'v')
  const words = new Int32Array(u8.buffer)
  const pool = new Int32Array(POOL_WORDS)
  // NOTE: steps return something of all they did, so that no engine leaves it out.
  const copyOut = (length) => {
    const from = IMAGE >>> 2
    for (let i = 0, at = 0; i < CALLS; i++, at = (at + 32) & (POOL_WORDS / 2 - 1))
      for (let word = 0; word < length >>> 2; word++) pool[at + word] = words[from + word]
    return pool[0]
  }
  const viewOut = (length) => {
    let sum = copyOut(length)
    for (let i = 0; i < CALLS; i++) sum += new Uint8Array(pool.buffer, 8 * (i & 1023), length).length
    return sum
  }
  const sliceOut = (bytes) => {
    let sum = 0
    for (let i = 0; i < CALLS; i++) sum += u8.slice(IMAGE, IMAGE + bytes).length
    return sum
  }
  const steps = {
    'a loop without a call': () => {
      let sum = 0
      for (let i = 0; i < CALLS; i++) sum += i & 1
      return sum
    },
    'call without arguments': () => {
      for (let i = 0; i < CALLS; i++) takeNothing()
    },
    'call with 4 numbers and a result': () => {
      let sum = 0
      for (let i = 0; i < CALLS; i++) sum += takeFourNumbers(i, 1, 2, 3)
      return sum
    },
    'copy 16 B in': () => {
      for (let i = 0; i < CALLS; i++) u8.set(key, IMAGE)
    },
    'copy 100 B in': () => {
      for (let i = 0; i < CALLS; i++) u8.set(value, IMAGE)
    },
    'copy 16 B out by words': () => copyOut(16),
    'copy 100 B out by words': () => copyOut(100),
    'copy 16 B out by words, with a Uint8Array on them': () => viewOut(16),
    'copy 100 B out by words, with a Uint8Array on them': () => viewOut(100),
    'copy 16 B out, to a Uint8Array of its own': () => sliceOut(16),
    'copy 100 B out, to a Uint8Array of its own': () => sliceOut(100),
  }
  const ns = {}
  let sum = 0
  for (const [name, step] of Object.entries(steps)) {
    for (const end = performance.now() + warmMs / 4; performance.now() < end;) sum += step() ?? 0
    const times = []
    for (const end = performance.now() + timedMs / 4; performance.now() < end || times.length < 5;) {
      const start = performance.now()
      sum += step() ?? 0
      times.push(performance.now() - start)
    }
    ns[name] = (median(times) * 1e6) / CALLS
  }
  return { ns, sum }
}
