import { Anomaly } from './anomaly.ts'

// A value says which write made it, has some notes of that write, and is filled with bytes that follow from its id, as its length does:
//
//   u32 id | u32 × NOTES | filler …

const NOTES = 5
const HEADER_BYTES = 4 + 4 * NOTES
/** One in so many values is kept apart: page chains, extents. */
const LARGE_EVERY = 211
const LARGE_BYTES = 40_000

/** Bytes of the value with this id: most are small, some fill a chunk of a range, a few are kept apart. */
function sizeOf(id: number): number {
  if (id % LARGE_EVERY === 0) return LARGE_BYTES
  return HEADER_BYTES + ((id * 37) % (id % 7 === 0 ? 1500 : 180))
}

export function valueOf(id: number, notes: readonly number[] = []): Uint8Array {
  const value = new Uint8Array(sizeOf(id)).fill((id * 151) & 255)
  const view = new DataView(value.buffer)
  view.setUint32(0, id, true)
  for (let i = 0; i < NOTES; i++) view.setUint32(4 + 4 * i, notes[i] ?? 0, true)
  return value
}

/** The id of a value that was read, 0 where there is none. @throws Anomaly if it is none that was ever written */
export function idOf(value: Uint8Array | undefined, key: string): number {
  if (value === undefined) return 0
  if (value.byteLength < HEADER_BYTES) throw new Anomaly('values', `${key} has ${value.byteLength} bytes`)
  const id = viewOf(value).getUint32(0, true)
  const fill = (id * 151) & 255
  let isWhole = value.byteLength === sizeOf(id)
  for (let at = HEADER_BYTES; at < value.byteLength && isWhole; at += 53) isWhole = value[at] === fill
  if (value.byteLength > HEADER_BYTES) isWhole &&= value[value.byteLength - 1] === fill
  if (!isWhole) throw new Anomaly('values', `the value of ${key} that says it is ${id} is damaged`)
  return id
}

export function notesOf(value: Uint8Array): number[] {
  const view = viewOf(value)
  return Array.from({ length: NOTES }, (_, i) => view.getUint32(4 + 4 * i, true))
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength)
}
