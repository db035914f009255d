import type { Database, Keyspace } from '../index.ts'

/** How abstract-level hands keys and values to a database and wants them back, after the user's encodings. */
export type Format = 'utf8' | 'buffer' | 'view'

/** A key or a value in one of the formats. */
export type Data = string | Buffer | Uint8Array

/** The default keyspace under one pair of formats. */
export type FormattedKeyspace = Keyspace<'utf8' | 'buffer' | 'bytes', 'utf8' | 'buffer' | 'bytes'>

const ENCODINGS = { utf8: 'utf8', buffer: 'buffer', view: 'bytes' } as const

/** The default keyspace under each pair of formats, made when first asked for. */
export class Formats {
  readonly #db: Database<'bytes', 'bytes'>
  readonly #made = new Map<string, FormattedKeyspace>()

  constructor(db: Database<'bytes', 'bytes'>) {
    this.#db = db
  }

  keyspace(keyFormat: Format, valueFormat: Format): FormattedKeyspace {
    const name = `${keyFormat}/${valueFormat}`
    let keyspace = this.#made.get(name)
    if (keyspace === undefined) {
      keyspace = this.#db.withEncodings({
        keyEncoding: ENCODINGS[keyFormat],
        valueEncoding: ENCODINGS[valueFormat],
      })
      this.#made.set(name, keyspace)
    }
    return keyspace
  }
}
