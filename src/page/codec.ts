import {
  contentOf,
  customBytes,
  encodingName,
  isEncoding,
  jsonText,
  jsonValue,
  settledEncoding,
} from '../api/encoding.ts'
import { keyTooLong } from '../engine/record.ts'
import { KEY_MAX_BYTES } from '../../assembly/memory/layout.ts'
import type { Encoding } from '../api/types.ts'
import type { Content, Wire } from '../remote/messages.ts'

/** How a page turns what the user gives into what travels, and back. */
export interface PageCodec {
  readonly wire: Wire
  /** @throws TypeError naming `what` */
  encode(value: unknown, what: string): Content
  decode(content: Content): unknown
}

const asIs = (content: Content): unknown => content

const BYTES: PageCodec = { wire: 'bytes', encode: contentOf, decode: asIs }
const TEXT: PageCodec = { wire: 'utf8', encode: contentOf, decode: asIs }
const JSON_TEXT: PageCodec = {
  wire: 'utf8',
  encode: jsonText,
  decode: (content) => jsonValue(content as string),
}

function custom(encoding: Encoding<unknown>): PageCodec {
  return {
    wire: 'bytes',
    encode: (value, what) => customBytes(encoding, value, what),
    decode: (content) => encoding.decode(content as Uint8Array),
  }
}

/** An encoding option: what it does, and its name, of which the engine learns. `option`: for messages. @throws TypeError */
export function codecOf(option: unknown, name: string): { codec: PageCodec; name: string | undefined } {
  const settled = settledEncoding(option)
  const stored = encodingName(settled, name)
  if (settled === 'utf8') return { codec: TEXT, name: stored }
  if (settled === 'json') return { codec: JSON_TEXT, name: stored }
  if (isEncoding(settled)) return { codec: custom(settled), name: stored }
  return { codec: BYTES, name: settled as string | undefined }
}

const encoder = new TextEncoder()

/** @throws RangeError for a key that is too long, as the engine would later */
export function checkKey(key: Content): Content {
  const length = lengthBytes(key, KEY_MAX_BYTES)
  if (length > KEY_MAX_BYTES) throw keyTooLong(length)
  return key
}

/** Bytes of a key or value. NOTE: of a text that cannot have more than `limitBytes`, only about as many. */
export function lengthBytes(content: Content, limitBytes: number): number {
  if (typeof content !== 'string') return content.byteLength
  return content.length * 3 <= limitBytes ? content.length : encoder.encode(content).byteLength
}
