import { VarveError } from '../errors.ts'
import type { File } from '../fs/filesystem.ts'
import type { Kernel } from '../kernel/kernel.ts'
import { flippedBit, flippedBitText } from '../kernel/flipped-bit.ts'
import { FRAME_HEADER_BYTES, frameBytes } from './format.ts'
import { withCursor } from './scan.ts'

/** An error about the log, with the bit that was flipped in the frame where a journal stops to be right, if it was one. */
export function withFlippedBit(
  kernel: Kernel,
  journals: readonly { readonly name: string; readonly file: File | undefined }[],
  error: VarveError,
): VarveError {
  const file = journals.find(({ name }) => name === error.file)?.file
  if (error.code !== 'CORRUPT' || file === undefined) return error
  const found = searched(kernel, file)
  if (found === undefined) return error
  const message = error.message.replace('. Nothing was changed', ` (${found}). Nothing was changed`)
  return new VarveError(error.code, message, { file: file.name, offset: error.offset ?? 0 })
}

function searched(kernel: Kernel, file: File): string | undefined {
  return withCursor(kernel, file, undefined, (cursor) => {
    if (cursor.readHeader().decoded.kind !== 'header') return undefined
    let step = cursor.next()
    while (step === 'frame') step = cursor.next()
    const { codec, window, position } = cursor
    if (step !== 'bad-chain') return undefined
    const bytes = frameBytes(codec.payloadLength(window.at(position, FRAME_HEADER_BYTES)))
    const address = window.at(position, bytes)
    // NOTE: one that does not fit the window is longer than what is searched.
    if (window.available(position) < bytes) return undefined
    const frame = kernel.u8.subarray(address, address + bytes)
    const bit = flippedBit(frame, () => codec.follows(address, bytes, bytes, () => 0))
    return bit === undefined ? undefined : flippedBitText(position, bit)
  })
}
