/** A destroy that is cut off, anywhere: what is left opens as a whole, is refused, or is no database; and it can be destroyed. */
import { describe, expect, it } from 'vitest'
import { expectCode, openText, type TextDatabase } from '../api/support.ts'
import { destroyDatabase } from '../../src/engine/destroy.ts'
import { VarveError } from '../../src/errors.ts'
import { changingOperations, crashPolicies, FaultyFileSystem } from '../support/faulty.ts'
import { mulberry32 } from '../support/random.ts'

type Contents = ReadonlyMap<string, string>
type Found = 'whole' | 'new' | 'refused'

const options = { memtableSize: 4096 } as const

function contentsOf(db: TextDatabase): Contents {
  const contents = new Map<string, string>()
  for (const name of ['', ...db.keyspaces()]) {
    const keyspace = name === '' ? db : db.keyspaceSync(name, { keyEncoding: 'utf8', valueEncoding: 'utf8' })
    for (const [key, value] of keyspace.rangeSync()) contents.set(`${name}/${key}`, value)
  }
  return contents
}

/** Many small tables, two keyspaces, journals. */
async function fill(files: FaultyFileSystem, entries: number): Promise<TextDatabase> {
  const db = await openText(files, options)
  if (entries === 0) return db
  const users = db.keyspaceSync('users', { keyEncoding: 'utf8', valueEncoding: 'utf8' })
  for (let i = 0; i < entries; i++) {
    db.putSync(`k${i}`, `v${i}`.repeat(10))
    users.putSync(`u${i}`, `w${i}`)
    if (i % 40 === 39) db.flushSync()
  }
  db.putSync('late', 'in the journal')
  return db
}

interface Disk {
  readonly files: FaultyFileSystem
  readonly contents: Contents
}

/** Disks with a database on them, closed or not. */
const disks: [string, () => Promise<Disk>][] = [
  ['closed', () => closed(200)],
  ['small', () => closed(1)],
  ['just created', () => closed(0)],
  ['killed', () => killed('keepAll')],
  ['without power', () => killed('loseAll')],
]

async function closed(entries: number): Promise<Disk> {
  const files = new FaultyFileSystem()
  const db = await fill(files, entries)
  const contents = contentsOf(db)
  await db.close()
  return { files, contents }
}

async function killed(policy: 'keepAll' | 'loseAll'): Promise<Disk> {
  const files = new FaultyFileSystem()
  const db = await fill(files, 200)
  await db.persist('sync')
  const contents = contentsOf(db)
  const image = files.crashImage(policy, mulberry32(1))
  await db.close()
  return { files: image, contents }
}

/** Opens it. @throws when it is anything but whole, new or refused */
async function look(files: FaultyFileSystem, contents: Contents): Promise<Found> {
  let db: TextDatabase
  try {
    db = await openText(files, options)
  } catch (error) {
    if (!(error instanceof VarveError)) throw error
    expect(error.code).toBe('MISSING_FILE')
    return 'refused'
  }
  try {
    const found = contentsOf(db)
    if (found.size === 0 && contents.size > 0) {
      expect(db.keyspaces()).toEqual([])
      return 'new'
    }
    expect(found).toEqual(contents)
    return 'whole'
  } finally {
    await db.close()
  }
}

async function expectGone(files: FaultyFileSystem): Promise<void> {
  await destroyDatabase(files)
  expect(files.locked).toBe(false)
  expect(files.openFileCount).toBe(0)
  expect(await files.removeDirectory()).toBe(true)
  await expectCode('NOT_FOUND', () => openText(files, { createIfMissing: false }))
}

/** What a crash right before each operation of a destroy, and after it, leaves behind. */
async function imagesOf(files: FaultyFileSystem, random: () => number): Promise<FaultyFileSystem[]> {
  const images: FaultyFileSystem[] = []
  const take = (): void => {
    // The names that survive are a matter of chance: several images of each kind.
    for (const policy of crashPolicies)
      for (let i = 0; i < 3; i++) images.push(files.crashImage(policy, random))
  }
  files.onOperation = (_, kind) => {
    if (changingOperations.has(kind)) take()
    return 'continue'
  }
  await destroyDatabase(files)
  files.onOperation = undefined
  take()
  return images
}

describe.each(disks)('a cut-off destroy of a database (%s)', (_, make) => {
  it('leaves it whole, or leaves no database, and can be repeated', { timeout: 120_000 }, async () => {
    const random = mulberry32(7)
    const { files, contents } = await make()
    const images = await imagesOf(files, random)
    const seen = new Map<Found, number>()
    for (const image of images) {
      const found = await look(image.clone(), contents)
      seen.set(found, (seen.get(found) ?? 0) + 1)
      await expectGone(image)
    }
    if (contents.size === 0) return
    for (const found of ['whole', 'new', 'refused'] as const)
      expect(seen.get(found), found).toBeGreaterThan(0)
  })

  it('may be cut off again', { timeout: 120_000 }, async () => {
    const random = mulberry32(8)
    const { files, contents } = await make()
    const images = await imagesOf(files, random)
    for (let i = 0; i < images.length; i += Math.ceil(images.length / 8)) {
      for (const again of await imagesOf(images[i] as FaultyFileSystem, random)) {
        await look(again.clone(), contents)
        await expectGone(again)
      }
    }
  })

  it('after an error of the disk at any operation the same holds', { timeout: 120_000 }, async () => {
    const random = mulberry32(9)
    const { files, contents } = await make()
    for (let failing = 0; ; failing++) {
      const disk = files.clone()
      let hit = false
      disk.onOperation = (index, kind) => {
        if (index !== failing) return 'continue'
        hit = true
        if (kind === 'syncDirectory' && failing % 2 === 0) return { syncFails: 'dropsPages' }
        return { error: 'EIO' }
      }
      const error = await destroyDatabase(disk).catch((reason: unknown) => reason)
      disk.onOperation = undefined
      if (!hit) break
      expect(error).toMatchObject({ code: 'IO' })
      expect(disk.locked).toBe(false)
      for (const policy of crashPolicies) await look(disk.crashImage(policy, random), contents)
      await expectGone(disk)
    }
  })
})

describe('a destroy that returned', () => {
  it.each(disks)('leaves nothing that a power cut brings back (%s)', async (_, make) => {
    const { files, contents } = await make()
    await destroyDatabase(files)
    for (const policy of crashPolicies) {
      const image = files.crashImage(policy, mulberry32(3))
      expect(await image.list()).toEqual([])
      expect(await look(image, contents)).toBe(contents.size > 0 ? 'new' : 'whole')
    }
  })

  it('makes the superblocks’ end durable before anything else goes', async () => {
    const { files } = await closed(200)
    files.log.length = 0
    await destroyDatabase(files)
    const steps = files.log
      .filter(({ kind }) => changingOperations.has(kind))
      .map(({ kind, name }) => (kind === 'remove' ? name.replace(/^[0-9a-f]{16}/, '') : kind))
    expect(steps.slice(0, 3).sort()).toEqual(['superblock-a', 'superblock-b', 'syncDirectory'])
    expect(steps[2]).toBe('syncDirectory')
    expect(new Set(steps.slice(3, -2))).toEqual(new Set(['.man', '.sst', '.wal']))
    expect(steps.slice(-2)).toEqual(['syncDirectory', 'removeDirectory'])
  })
})
