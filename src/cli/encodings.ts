import type { Encoding } from '../index.ts'
import type { KeyspaceHeader } from './entries.ts'
import { usage } from './failure.ts'

/** Encodings that are remembered with a keyspace from its creation on; undefined where none is. */
export type FixedEncodings = Pick<KeyspaceHeader, 'keyEncoding' | 'valueEncoding'>

type Option = 'bytes' | 'utf8' | 'json' | Encoding<Uint8Array>

/** Options for `open` and `keyspace`. */
interface EncodingOptions {
  keyEncoding?: Exclude<Option, 'json'>
  valueEncoding?: Option
}

export function isFixed({ keyEncoding, valueEncoding }: FixedEncodings): boolean {
  return keyEncoding !== undefined || valueEncoding !== undefined
}

/** The options that create a keyspace with these encodings. */
export function encodingsOf(fixed: FixedEncodings): Required<EncodingOptions> {
  return {
    keyEncoding: optionNamed(fixed.keyEncoding, 'key'),
    valueEncoding: fixed.valueEncoding === 'json' ? 'json' : optionNamed(fixed.valueEncoding, 'value'),
  }
}

function optionNamed(name: string | undefined, what: string): Exclude<Option, 'json'> {
  if (name === undefined) return 'bytes'
  if (name === 'utf8') return name
  // Whose encoding it was only its program knows; that it was one is kept.
  if (name === 'custom') return { encode: (bytes) => bytes, decode: (bytes) => bytes }
  throw usage(`The ${what} encoding ${JSON.stringify(name)} of a keyspace is not known; use a newer varve.`)
}
