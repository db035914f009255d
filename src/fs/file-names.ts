import { slotIndex } from './opfs-slot.ts'

/**
 * Names of the files of a database: the only place that makes them and the only place that reads them. What does
 * not parse is somebody else's file: ignored, never deleted.
 */
const maximumId = Number.MAX_SAFE_INTEGER
const idDigits = 16
const numberedPattern = /^([0-9a-f]{16})\.(sst|wal|man|blob)$/
// NOTE: `LOCK.<generation>` and the socket on its way to such a name (src/fs/owner-lock.ts).
const lockPattern = /^LOCK\.(?:[1-9][0-9]{0,14}|new-[0-9a-f]{16})$/

/** Kinds of files that a number names. All numbers come from one counter, from 1 on. */
export type NumberedFileKind = 'table' | 'journal' | 'manifest' | 'blob'

export type FileName =
  | { readonly kind: NumberedFileKind; readonly id: number }
  | { readonly kind: 'superblock' | 'lock' | 'owner' }

/** The copies of the superblock. */
export type SuperblockCopy = 'a' | 'b'

const kinds: ReadonlyMap<string, NumberedFileKind> = new Map([
  ['sst', 'table'],
  ['wal', 'journal'],
  ['man', 'manifest'],
  ['blob', 'blob'],
])

function numberedFileName(id: number, extension: string): string {
  if (!Number.isSafeInteger(id) || id < 1)
    throw new RangeError(`file id ${id} must be an integer from 1 to 2^53-1`)
  return `${id.toString(16).padStart(idDigits, '0')}.${extension}`
}

export function tableFileName(id: number): string {
  return numberedFileName(id, 'sst')
}

export function journalFileName(id: number): string {
  return numberedFileName(id, 'wal')
}

export function manifestFileName(id: number): string {
  return numberedFileName(id, 'man')
}

export function superblockFileName(copy: SuperblockCopy): string {
  return `superblock-${copy}`
}

/** What the file called `name` is, or undefined when it is none of ours. */
export function parseFileName(name: string): FileName | undefined {
  if (name === 'superblock-a' || name === 'superblock-b') return { kind: 'superblock' }
  if (name === 'owner') return { kind: 'owner' }
  if (lockPattern.test(name)) return { kind: 'lock' }
  const [, digits = '', extension = ''] = numberedPattern.exec(name) ?? []
  const kind = kinds.get(extension)
  const id = Number.parseInt(digits, 16)
  // NOTE: rounding cannot bring a number of 2^53 or more below it.
  if (kind === undefined || id < 1 || id > maximumId) return undefined
  return { kind, id }
}

/** Whether a file of that name shows that a database is or was in its directory; anybody may call a file `owner`, and nothing of ours is lost with it. */
export function provesDatabase(name: string): boolean {
  if (slotIndex(name) !== undefined) return true
  const kind = parseFileName(name)?.kind
  return kind !== undefined && kind !== 'owner'
}
