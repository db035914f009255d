/**
 * Headers of a tar file (POSIX ustar) as they are needed for plain files with short names: so that what is exported can be unpacked by any `tar`, and what `tar` packs be imported.
 *
 *   0  name, NUL-padded (100)        124  size, octal (12)        257  "ustar\0" "00"
 * 100  mode, owner, group, octal     136  time, octal (12)        345  prefix of the name (155)
 *                                    148  checksum, octal (8): of all bytes, its own taken for spaces
 *                                    156  type: '0' or NUL a file, '5' a directory, 'x', 'g' words about the next or all entries
 *
 * A header and the content behind it each fill whole blocks of 512 bytes; two empty blocks end the file.
 */
export const TAR_BLOCK_BYTES = 512

const NAME_BYTES = 100
const SIZE_AT = 124
const SIZE_BYTES = 12
const CHECKSUM_AT = 148
const CHECKSUM_BYTES = 8
const TYPE_AT = 156
const MAGIC_AT = 257
const PREFIX_AT = 345
const PREFIX_BYTES = 155
/** What eleven octal digits can say. */
const SIZE_MAX_BYTES = 8 ** 11 - 1

const encoder = new TextEncoder()
const decoder = new TextDecoder()

export interface TarEntry {
  /** Its last part. */
  readonly name: string
  readonly sizeBytes: number
  readonly isFile: boolean
}

export function encodeTarHeader(name: string, sizeBytes: number): Uint8Array<ArrayBuffer> {
  if (name.length > NAME_BYTES || sizeBytes > SIZE_MAX_BYTES)
    throw new RangeError(`the file ${name} of ${sizeBytes} bytes is too large for an export`)
  const header = new Uint8Array(TAR_BLOCK_BYTES)
  const put = (at: number, text: string): void => header.set(encoder.encode(text), at)
  put(0, name)
  put(NAME_BYTES, `${octal(0o600, 7)}\0${octal(0, 7)}\0${octal(0, 7)}\0`)
  put(SIZE_AT, `${octal(sizeBytes, 11)}\0${octal(0, 11)}\0`)
  put(TYPE_AT, '0')
  put(MAGIC_AT, 'ustar\x0000')
  put(CHECKSUM_AT, `${octal(checksumOf(header), 6)}\0 `)
  return header
}

/** The entry that a header begins; undefined for an empty block, which ends the file. @throws RangeError for what is no header */
export function decodeTarHeader(header: Uint8Array): TarEntry | undefined {
  if (header.every((byte) => byte === 0)) return undefined
  if (octalAt(header, CHECKSUM_AT, CHECKSUM_BYTES) !== checksumOf(header))
    throw new RangeError('its checksum is wrong')
  const sizeBytes = octalAt(header, SIZE_AT, SIZE_BYTES)
  const isUstar = decoder.decode(header.subarray(MAGIC_AT, MAGIC_AT + 5)) === 'ustar'
  const prefix = isUstar ? textAt(header, PREFIX_AT, PREFIX_BYTES) : ''
  const path = `${prefix}/${textAt(header, 0, NAME_BYTES)}`
  const type = header[TYPE_AT]
  return { name: path.slice(path.lastIndexOf('/') + 1), sizeBytes, isFile: type === 0 || type === 0x30 }
}

function checksumOf(header: Uint8Array): number {
  let sum = CHECKSUM_BYTES * 0x20
  for (let i = 0; i < TAR_BLOCK_BYTES; i++)
    if (i < CHECKSUM_AT || i >= CHECKSUM_AT + CHECKSUM_BYTES) sum += header[i] as number
  return sum
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, '0')
}

function textAt(header: Uint8Array, at: number, length: number): string {
  const field = header.subarray(at, at + length)
  const end = field.indexOf(0)
  return decoder.decode(end < 0 ? field : field.subarray(0, end))
}

/** @throws RangeError */
function octalAt(header: Uint8Array, at: number, length: number): number {
  const digits = textAt(header, at, length).trim()
  let value = 0
  for (const digit of digits) {
    const one = digit.charCodeAt(0) - 0x30
    if (!(one >= 0 && one < 8)) throw new RangeError('a number in it is none')
    value = value * 8 + one
  }
  if (digits === '' || !Number.isSafeInteger(value)) throw new RangeError('a number in it is none')
  return value
}
