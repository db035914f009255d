/** What the places of keys depend on is random, in each database; so is what makes files unique. */
import { expect, it } from 'vitest'
import { CONTROL_SEED, KEY_SECRET, SECRET_BYTES } from '../../assembly/memory/layout.ts'
import type { Database } from '../../src/api/database.ts'
import { openOn } from '../../src/api/open.ts'
import { parseFileName } from '../../src/fs/file-names.ts'
import { engineOf } from '../integration/regressions/support.ts'
import { FaultyFileSystem } from '../support/faulty.ts'

const options = {
  memoryLimit: 16 * 1024 * 1024,
  keyEncoding: 'utf8',
  valueEncoding: 'utf8',
  tables: { compression: 'none' },
} as const
const FILE_HEADER_BYTES = 64
const FILTER = 4

function secretOf(db: Database<'utf8', 'utf8'>): string {
  const { u8 } = engineOf(db).kernel
  return Buffer.from(u8.slice(KEY_SECRET, KEY_SECRET + SECRET_BYTES)).toString('hex')
}

function seedOf(db: Database<'utf8', 'utf8'>): bigint {
  return engineOf(db).kernel.view.getBigUint64(CONTROL_SEED, true)
}

async function filled(files: FaultyFileSystem): Promise<Database<'utf8', 'utf8'>> {
  const db = await openOn(files, options)
  for (let i = 0; i < 1000; i++) db.putSync(`key ${i}`, 'same')
  await db.flush()
  return db
}

function tableOf(files: FaultyFileSystem): Uint8Array {
  const [bytes] = [...files.snapshotFiles()]
    .filter(([name]) => name.endsWith('.sst'))
    .map(([, content]) => content)
  return bytes ?? new Uint8Array()
}

/** Payloads of the blocks of a kind, front to back. */
function payloads(table: Uint8Array, kind: number): Uint8Array[] {
  const view = new DataView(table.buffer, table.byteOffset, table.byteLength)
  const found: Uint8Array[] = []
  for (let at = FILE_HEADER_BYTES; at < table.length - 64;) {
    const length = view.getUint32(at + 4, true)
    if (table[at] === kind) found.push(table.subarray(at + 16, at + 16 + length))
    at += 16 + length + 8
  }
  return found
}

it('two databases with the same keys have them in other places of filters, hash indexes and memtables', async () => {
  const [one, other] = [new FaultyFileSystem(), new FaultyFileSystem()]
  const [a, b] = [await filled(one), await filled(other)]
  expect(secretOf(a)).not.toBe(secretOf(b))
  expect(seedOf(a)).not.toBe(seedOf(b))
  const filters = [one, other].map((files) => payloads(tableOf(files), FILTER))
  expect(filters[0]?.length).toBeGreaterThan(0)
  expect(filters[0]).not.toEqual(filters[1])
  // Data blocks differ in nothing but their hash indexes.
  const [data = [], otherData = []] = [one, other].map((files) => payloads(tableOf(files), 1))
  expect(data.map((payload) => payload.length)).toEqual(otherData.map((payload) => payload.length))
  expect(data).not.toEqual(otherData)
  await a.close()
  await b.close()
})

it('a database hashes keys in its own way for good, wherever it is moved, and heights anew with each open', async () => {
  const files = new FaultyFileSystem()
  const first = await filled(files)
  const [secret, seed] = [secretOf(first), seedOf(first)]
  await first.close()
  const again = await openOn(FaultyFileSystem.fromFiles(files.snapshotFiles()), options)
  expect(secretOf(again)).toBe(secret)
  expect(seedOf(again)).not.toBe(seed)
  expect(again.getSync('key 999')).toBe('same')
  expect((await again.verify()).problems).toEqual([])
  await again.close()
})

it('numbers of files are never used twice, and each file has a salt of its own', async () => {
  const files = new FaultyFileSystem()
  const created = new Set<string>()
  const salts = new Set<string>()
  files.onOperation = (_index, kind, name) => {
    if (kind === 'create' && 'id' in (parseFileName(name) ?? {})) {
      const { id } = parseFileName(name) as { id: number }
      expect(created.has(String(id))).toBe(false)
      created.add(String(id))
    }
    return 'continue'
  }
  for (let round = 0; round < 6; round++) {
    const db = await openOn(files, options)
    for (let i = 0; i < 50; i++) db.putSync(`k${i}`, `${round}`)
    await db.flush()
    if (round % 2 === 1) await db.compact()
    for (const [name, bytes] of files.snapshotFiles()) {
      const kind = parseFileName(name)?.kind
      const at = kind === 'table' ? 16 : kind === 'journal' ? 88 : kind === 'manifest' ? 64 : undefined
      if (at !== undefined) salts.add(`${name} ${Buffer.from(bytes.subarray(at, at + 16)).toString('hex')}`)
    }
    await db.close()
  }
  expect(created.size).toBeGreaterThan(12)
  expect(new Set([...salts].map((each) => each.split(' ')[1])).size).toBe(salts.size)
  expect([...salts].every((each) => !each.endsWith('0'.repeat(32)))).toBe(true)
})
