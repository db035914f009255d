/** Pages are given out from the second one on, one after the other, like those of the kernel's pool before any is freed. */
export const PAGE_BYTES = 131_072

/**
 * The memory of the twins: plain JavaScript in place of the kernel's functions, each with the same algorithm on the same bytes. They are written to be
 * fast: numbers instead of objects and of 64-bit integers, aligned words through typed arrays, others through a DataView; what they keep are words here
 * or variables of the function that makes them.
 */
export function createMemory(bytes) {
  const buffer = new ArrayBuffer(bytes)
  return {
    u8: new Uint8Array(buffer),
    i32: new Int32Array(buffer),
    view: new DataView(buffer),
  }
}
