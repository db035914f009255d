/** Writes into a database and keeps account of it. */
import type { Durability } from '../../model.ts'
import type { SubjectDatabase, SubjectKeyspace } from '../../support/subject.ts'

/** Keyspace ('' is the default one) → key → value, keys as Latin-1. */
export type Written = Map<string, Map<string, Uint8Array>>

/** Keyspace, key and value of each entry; without a value it is gone. */
export type Commit = readonly (readonly [keyspace: string, key: Uint8Array, value: Uint8Array | undefined])[]

export function keyText(key: Uint8Array): string {
  return Buffer.from(key).toString('latin1')
}

export function applyCommit(contents: Written, commit: Commit): void {
  for (const [keyspace, key, value] of commit) {
    const entries = contents.get(keyspace) ?? new Map<string, Uint8Array>()
    contents.set(keyspace, entries)
    if (value === undefined) entries.delete(keyText(key))
    else entries.set(keyText(key), value)
  }
}

export class Author {
  /** What was written before beginTail. */
  readonly before: Written = new Map()
  /** What was written since. */
  readonly tail: Commit[] = []
  #inTail = false

  beginTail(): void {
    this.#inTail = true
  }

  put(keyspace: SubjectKeyspace, key: Uint8Array, value: Uint8Array, durability: Durability = 'os'): void {
    keyspace.putSync(key, value, { durability })
    this.#note([[keyspace.name, key, value]])
  }

  delete(keyspace: SubjectKeyspace, key: Uint8Array): void {
    keyspace.deleteSync(key)
    this.#note([[keyspace.name, key, undefined]])
  }

  /** INVARIANT: the key was written once since it was last deleted. */
  deleteWeak(keyspace: SubjectKeyspace, key: Uint8Array): void {
    keyspace.deleteWeakSync(key)
    this.#note([[keyspace.name, key, undefined]])
  }

  /** One batch. */
  commit(
    db: SubjectDatabase,
    entries: readonly (readonly [SubjectKeyspace, Uint8Array, Uint8Array | undefined])[],
    durability: Durability = 'os',
  ): void {
    const batch = db.batch()
    for (const [keyspace, key, value] of entries) {
      if (value === undefined) batch.delete(keyspace, key)
      else batch.put(keyspace, key, value)
    }
    batch.commitSync({ durability })
    this.#note(entries.map(([keyspace, key, value]) => [keyspace.name, key, value]))
  }

  #note(commit: Commit): void {
    if (this.#inTail) this.tail.push(commit)
    else applyCommit(this.before, commit)
  }
}
