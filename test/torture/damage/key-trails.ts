import { FaultyFileSystem } from '../../support/faulty.ts'
import type { Files } from '../golden/build.ts'
import { keyText } from '../golden/author.ts'
import type { Golden } from '../golden/golden.ts'
import { openImage } from './examine.ts'

interface Part {
  readonly file: string
  readonly offset: number
  readonly end: number
}

/** What is read of the files to get each key. */
export class KeyTrails {
  readonly #parts: ReadonlyMap<string, readonly Part[]>

  constructor(parts: ReadonlyMap<string, readonly Part[]>) {
    this.#parts = parts
  }

  /** The keyspace that a file belongs to, if it is one that a get reads. */
  keyspaceOf(file: string): string | undefined {
    for (const [name, parts] of this.#parts)
      if (parts.some((part) => part.file === file)) return name.slice(0, name.indexOf('/'))
    return undefined
  }

  /** Whether a get comes across these bytes, in a database that opens in spite of them. */
  touches(keyspace: string, key: Uint8Array, file: string, offset: number, length: number): boolean {
    const parts = this.#parts.get(nameOf(keyspace, key)) ?? []
    return parts.some((part) => part.file === file && offset < part.end && offset + length > part.offset)
  }
}

function nameOf(keyspace: string, key: Uint8Array): string {
  return `${keyspace}/${keyText(key)}`
}

/** Gets each key of an undamaged database that was just opened. */
export async function keyTrails(golden: Golden, image: Files): Promise<KeyTrails> {
  const trails = new Map<string, Part[]>()
  for (const [name, keys] of golden.keys) {
    for (const key of keys) {
      const files = FaultyFileSystem.fromFiles(image)
      const db = await openImage(files)
      const keyspace = name === '' ? db : await db.keyspace(name)
      const before = files.log.length
      keyspace.getSync(key)
      const reads = files.log.slice(before).filter(({ kind }) => kind === 'read')
      trails.set(
        nameOf(name, key),
        reads.map(({ name: file, offset, length }) => ({ file, offset, end: offset + length })),
      )
      await db.close()
    }
  }
  return new KeyTrails(trails)
}
