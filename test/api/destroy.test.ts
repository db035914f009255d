import { spawnSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { destroyDatabase } from '../../src/engine/destroy.ts'
import { destroy, open, VarveError } from '../../src/index.ts'
import { nodeFileSystem } from '../../src/fs/node.ts'
import { VarveLevel } from '../../src/level/index.ts'
import { crashPolicies, FaultyFileSystem, SimulatedCrash } from '../support/faulty.ts'
import { mulberry32 } from '../support/random.ts'
import { openText } from './support.ts'

let directory = ''
let path = ''

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'varve-destroy-'))
  path = join(directory, 'db')
})

afterEach(() => {
  rmSync(directory, { recursive: true, force: true })
})

/** A database with tables, a journal and a keyspace. */
async function created(): Promise<void> {
  const db = await open(path)
  const more = db.keyspaceSync('more')
  for (let i = 0; i < 100; i++) db.putSync(`k${i}`, 'v'.repeat(100))
  more.putSync('x', 'y')
  db.flushSync()
  db.putSync('in the journal', 'v')
  await db.close()
}

async function codeOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise
  } catch (error) {
    return (error as { code: unknown }).code
  }
  return undefined
}

describe('destroy', () => {
  it('removes the database and its directory; what is opened there next is new', async () => {
    await created()
    await destroy(path)
    expect(readdirSync(directory)).toEqual([])
    const db = await open(path)
    expect(db.keyspaces()).toEqual([])
    expect(db.countSync()).toBe(0)
    await db.close()
  })

  it('of nothing does nothing', async () => {
    await destroy(path)
    await destroy(join(path, 'deeper'))
    expect(readdirSync(directory)).toEqual([])
  })

  it('of an open database is LOCKED and removes nothing, here and from another process', async () => {
    const db = await open(path)
    db.putSync('k', 'v')
    expect(await codeOf(destroy(path))).toBe('LOCKED')
    const program = `
      const { destroy } = await import(${JSON.stringify(join(import.meta.dirname, '../../dist/index.js'))})
      await destroy(${JSON.stringify(path)}).then(() => console.log('destroyed'), (error) => console.log(error.code))
    `
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
      encoding: 'utf8',
    })
    expect(stdout.trim()).toBe('LOCKED')
    await db.close()
    const again = await open(path)
    expect(again.countSync()).toBe(1)
    await again.close()
  })

  it('leaves files that are not the database’s, and their directory', async () => {
    await created()
    writeFileSync(join(path, 'notes.txt'), 'mine')
    mkdirSync(join(path, 'folder'))
    await destroy(path)
    const left = readdirSync(path).filter((name) => !name.startsWith('LOCK.'))
    expect(left.sort()).toEqual(['folder', 'notes.txt'])
    // NOTE: the lock's last generation stays: no later one may be lower.
    expect(readdirSync(path).filter((name) => name.startsWith('LOCK.'))).toHaveLength(1)
  })

  it('leaves a directory of strangers as it is, without a lock', async () => {
    mkdirSync(path)
    writeFileSync(join(path, 'notes.txt'), 'mine')
    writeFileSync(join(path, 'owner'), 'mine too')
    await destroy(path)
    expect(readdirSync(path)).toEqual(['notes.txt', 'owner'])
    expect(readFileSync(join(path, 'owner'), 'utf8')).toBe('mine too')
  })

  it('beside an open that is refused there: nothing was touched either', async () => {
    mkdirSync(path)
    writeFileSync(join(path, 'owner'), 'mine')
    for (const createIfMissing of [true, false]) {
      expect(await codeOf(open(path, { createIfMissing }))).toBe(createIfMissing ? 'EXISTS' : 'NOT_FOUND')
    }
    expect(readdirSync(path)).toEqual(['owner'])
    expect(readFileSync(join(path, 'owner'), 'utf8')).toBe('mine')
  })

  it('removes a database that cannot be opened', async () => {
    for (const ending of ['.man', '.sst', '.wal']) {
      await created()
      for (const name of readdirSync(path))
        if (name.endsWith(ending)) writeFileSync(join(path, name), 'not that')
      expect(await codeOf(open(path))).toMatch(/CORRUPT|MISSING_FILE|FORMAT_VERSION/)
      await destroy(path)
      expect(existsSync(path)).toBe(false)
    }
  })

  it('takes a wrong argument for a TypeError', async () => {
    for (const wrong of ['', 'a\0b', undefined, 1]) {
      await expect(destroy(wrong as string)).rejects.toBeInstanceOf(TypeError)
    }
  })

  it('of a link removes what it leads to, and no more than a dangling link is left', async () => {
    await created()
    const link = join(directory, 'link')
    symlinkSync(path, link)
    await destroy(link)
    expect(existsSync(path)).toBe(false)
  })

  it('is a method of VarveLevel, with its errors', async () => {
    const level = new VarveLevel(path)
    await level.put('k', 'v')
    expect(await codeOf(VarveLevel.destroy(path))).toBe('LEVEL_LOCKED')
    await level.close()
    await VarveLevel.destroy(path)
    expect(existsSync(path)).toBe(false)
    await expect(VarveLevel.destroy('')).rejects.toBeInstanceOf(TypeError)
  })

  it('beside opens of the same place: nobody sees half of it, and one at a time owns it', async () => {
    for (let round = 0; round < 30; round++) {
      const results = await Promise.allSettled([
        open(path).then(async (db) => {
          db.putSync('k', 'v')
          expect(db.countSync()).toBe(1)
          await db.close()
        }),
        destroy(path),
        destroyDatabase(nodeFileSystem(path)),
      ])
      for (const result of results) {
        if (result.status === 'rejected') {
          expect(result.reason).toBeInstanceOf(VarveError)
          expect((result.reason as VarveError).code).toMatch(/LOCKED|NOT_FOUND/)
        }
      }
      await destroy(path)
      expect(readdirSync(directory)).toEqual([])
    }
  })
})

describe('a destroy that is cut off', () => {
  it('leaves the whole database, one that is refused, or none; the next one does the rest', async () => {
    const original = new FaultyFileSystem()
    const db = await openText(original)
    for (let i = 0; i < 50; i++) db.putSync(`k${i}`, 'v')
    db.flushSync()
    db.putSync('last', 'v')
    await db.close()
    const endings = new Set<string>()
    const complete = original.clone()
    await destroyDatabase(complete)
    expect(complete.snapshotFiles().size).toBe(0)
    for (let index = 0; index < complete.log.length; index++) {
      for (const policy of crashPolicies) {
        const disk = original.clone()
        disk.onOperation = (at) => (at === index ? 'crash' : 'continue')
        await expect(destroyDatabase(disk)).rejects.toBeInstanceOf(SimulatedCrash)
        const image = disk.crashImage(policy, mulberry32(index))
        let ending: string
        try {
          const again = await openText(image.clone())
          const count = again.countSync()
          expect([0, 51]).toContain(count)
          ending = count === 0 ? 'none' : 'whole'
          await again.close()
        } catch (error) {
          expect((error as VarveError).code).toBe('MISSING_FILE')
          ending = 'refused'
        }
        endings.add(ending)
        await destroyDatabase(image)
        expect(image.snapshotFiles().size).toBe(0)
      }
    }
    expect([...endings].sort()).toEqual(['none', 'refused', 'whole'])
  })

  it('by an error says so, and the next one does the rest', async () => {
    const original = new FaultyFileSystem()
    const db = await openText(original)
    db.putSync('k', 'v')
    await db.close()
    const complete = original.clone()
    await destroyDatabase(complete)
    for (const [index, { kind }] of complete.log.entries()) {
      if (kind !== 'remove' && kind !== 'syncDirectory' && kind !== 'list') continue
      const disk = original.clone()
      const fault =
        kind === 'syncDirectory' ? { syncFails: 'keepsPages' as const } : { error: 'EIO' as const }
      disk.onOperation = (at) => (at === index ? fault : 'continue')
      expect(await codeOf(destroyDatabase(disk))).toBe('IO')
      expect(disk.locked).toBe(false)
      disk.onOperation = undefined
      await destroyDatabase(disk)
      expect(disk.snapshotFiles().size).toBe(0)
    }
  })
})
