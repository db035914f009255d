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

/**
 * Finds out which encodings are fixed, by asking for each until one is not refused; asking changes nothing.
 * @param opens opens what is asked about
 */
export async function probeEncodings(
  opens: (options: EncodingOptions) => Promise<void>,
): Promise<FixedEncodings> {
  return {
    keyEncoding: await firstAccepted(['utf8'], async (name) => {
      await opens({ ...given('keyEncoding', name), valueEncoding: 'bytes' })
    }),
    valueEncoding: await firstAccepted(['utf8', 'json'], async (name) => {
      await opens({ ...given('valueEncoding', name), keyEncoding: 'bytes' })
    }),
  }
}

/** An option that is not given is refused unless nothing is fixed. */
function given(option: keyof EncodingOptions, name: string | undefined): EncodingOptions {
  return name === undefined ? {} : { [option]: name }
}

async function firstAccepted(
  names: readonly string[],
  attempt: (name: string | undefined) => Promise<void>,
): Promise<string | undefined> {
  for (const name of [undefined, ...names]) {
    try {
      await attempt(name)
      return name
    } catch (error) {
      if (!(error instanceof TypeError)) throw error
    }
  }
  return 'custom'
}

function optionNamed(name: string | undefined, what: string): Exclude<Option, 'json'> {
  if (name === undefined) return 'bytes'
  if (name === 'utf8') return name
  // Whose encoding it was only its program knows; that it was one is kept.
  if (name === 'custom') return { encode: (bytes) => bytes, decode: (bytes) => bytes }
  throw usage(`The ${what} encoding ${JSON.stringify(name)} of a keyspace is not known; use a newer varve.`)
}
