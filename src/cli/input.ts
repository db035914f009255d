import { isUtf8 } from 'node:buffer'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { notFound, usage, type CommandFailure } from './failure.ts'

/** A line longer than this is not a record but a mistake (a file without line breaks). */
export const LINE_MAX_BYTES: number = 256 * 1024 * 1024
const LINE_FEED = 0x0a

export interface Input {
  stream: Readable
  /** Undefined when it cannot be known (standard input, pipes). */
  sizeBytes: number | undefined
}

/** Opens the file to read, or standard input for undefined and `-`. */
export async function openInput(file: string | undefined): Promise<Input> {
  if (file === undefined || file === '-') return { stream: process.stdin, sizeBytes: undefined }
  const status = await stat(file).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') throw notFound(`There is no file ${file}.`)
    throw usage(`${file} cannot be read: ${cause.message}`, cause)
  })
  if (status.isDirectory()) throw usage(`${file} is a directory; name a file of records.`)
  return {
    stream: createReadStream(file, { highWaterMark: 256 * 1024 }),
    sizeBytes: status.isFile() ? status.size : undefined,
  }
}

/** Whole lines of valid UTF-8, line breaks included, and the number of the first (from 1). */
export interface TextBlock {
  text: string
  firstLine: number
}

export function malformed(line: number, complaint: string): CommandFailure {
  return usage(`Line ${line}: ${complaint}`)
}

/**
 * Cuts a stream into blocks that end at line breaks. UTF-8 is checked, never repaired: a replaced byte would be
 * stored as if it had been meant.
 */
export async function* textBlocks(
  stream: AsyncIterable<Uint8Array>,
  onBytes: (count: number) => void,
): AsyncGenerator<TextBlock> {
  let rest: Buffer[] = []
  let restBytes = 0
  let line = 1
  const block = (bytes: Buffer): TextBlock => {
    if (!isUtf8(bytes)) throw malformed(line + linesBeforeDamage(bytes), 'the text is not valid UTF-8.')
    const text = bytes.toString('utf8')
    const firstLine = line
    line += countLineFeeds(bytes)
    return { text: firstLine === 1 && text.startsWith('\uFEFF') ? text.slice(1) : text, firstLine }
  }
  for await (const chunk of stream) {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    onBytes(bytes.length)
    const end = bytes.lastIndexOf(LINE_FEED) + 1
    if (end > 0) {
      yield block(Buffer.concat([...rest, bytes.subarray(0, end)]))
      rest = []
      restBytes = 0
    }
    if (end < bytes.length) {
      rest.push(bytes.subarray(end))
      restBytes += bytes.length - end
      if (restBytes > LINE_MAX_BYTES) throw malformed(line, `it is longer than ${LINE_MAX_BYTES} bytes.`)
    }
  }
  if (restBytes > 0) yield block(Buffer.concat(rest))
}

function countLineFeeds(bytes: Buffer): number {
  let count = 0
  for (let at = bytes.indexOf(LINE_FEED); at >= 0; at = bytes.indexOf(LINE_FEED, at + 1)) count++
  return count
}

function linesBeforeDamage(bytes: Buffer): number {
  let lines = 0
  let start = 0
  for (;;) {
    const end = bytes.indexOf(LINE_FEED, start)
    if (end < 0 || !isUtf8(bytes.subarray(start, end))) return lines
    start = end + 1
    lines++
  }
}
