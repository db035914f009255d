import { measureColumn } from './column.mjs'
import { LINES } from './lines.mjs'

export const NAMES = Object.keys(LINES)

/** Result and digest of a line on the kernel's functions, compiled to `wasm`, and on the twins; nothing is timed for long. */
export async function outcomes(name, wasm, sizes) {
  const { image, ...line } = LINES[name](sizes)
  const given = { ...line, image: image.bytes(), wasm, warmMs: 0, timedMs: 0 }
  const found = {}
  for (const column of ['wasm', 'twin']) {
    const { result, digest } = await measureColumn(column, given)
    found[column] = { result, digest }
  }
  return found
}
