/** destroy(): what goes, what stays, and that nobody loses an open database. */
import { spawn } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'esbuild'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { destroy as destroyInBrowser } from '../../src/browser.ts'
import { destroy, open } from '../../src/index.ts'
import { VarveError } from '../../src/errors.ts'
import { VarveLevel } from '../../src/level/index.ts'
import { FaultyFileSystem } from '../support/faulty.ts'
import { kernel } from '../version/support.ts'
import { expectCode, openText, SMALL_MEMORY, type TextDatabase } from './support.ts'

let temporary = ''
let location = ''

beforeEach(() => {
  temporary = mkdtempSync(join(tmpdir(), 'varve-destroy-'))
  location = join(temporary, 'db')
})
afterEach(() => {
  rmSync(temporary, { recursive: true, force: true })
})

function openHere(): Promise<TextDatabase> {
  return open(location, { keyEncoding: 'utf8', valueEncoding: 'utf8', memoryLimit: SMALL_MEMORY })
}

/** A closed database with tables, a journal and two keyspaces. */
async function filled(): Promise<void> {
  const db = await openHere()
  const users = await db.keyspace('users', { keyEncoding: 'utf8', valueEncoding: 'utf8' })
  for (let i = 0; i < 100; i++) await db.batch().put(`k${i}`, `v${i}`).put(users, `u${i}`, 'x').commit()
  await db.flush()
  await db.put('late', 'in the journal')
  await db.close()
}

function names(): string[] {
  return readdirSync(location).sort()
}

/** The one file, or the first of several, that ends like this. */
function fileOf(ending: string): string {
  const name = names().find((each) => each.endsWith(ending))
  if (name === undefined) throw new Error(`there is no file ${ending}`)
  return join(location, name)
}

async function expectNew(): Promise<void> {
  const db = await openHere()
  expect([...db.keysSync()]).toEqual([])
  expect(db.keyspaces()).toEqual([])
  await db.put('k', 'v')
  expect(await db.get('k')).toBe('v')
  await db.close()
}

describe('destroy', () => {
  it('removes a database with its directory, and a new one can take its place', async () => {
    await filled()
    await destroy(location)
    expect(existsSync(location)).toBe(false)
    await expectNew()
    await destroy(location)
    expect(readdirSync(temporary)).toEqual([])
  })

  it('removes a database that its process left without closing it', async () => {
    await filled()
    const copy = join(temporary, 'copy')
    mkdirSync(copy)
    const db = await openHere()
    await db.put('k', 'not closed')
    for (const name of names().filter((each) => !each.startsWith('LOCK')))
      writeFileSync(join(copy, name), readFileSync(join(location, name)))
    await db.close()
    await destroy(copy)
    expect(existsSync(copy)).toBe(false)
  })

  it('has nothing to do where there is nothing', async () => {
    await destroy(location)
    await destroy(join(location, 'deeper'))
    expect(readdirSync(temporary)).toEqual([])
    mkdirSync(location)
    await destroy(location)
    expect(existsSync(location)).toBe(false)
  })

  it('leaves the files of strangers, and the directory with them', async () => {
    await filled()
    const strangers = ['0000000000000001.sst.bak', '1.sst', 'LOCK', 'LOCK.x', 'notes.txt', 'superblock-c']
    for (const name of strangers) writeFileSync(join(location, name), name)
    mkdirSync(join(location, 'folder'))
    await destroy(location)
    expect(names()).toEqual([...strangers, 'folder'].sort())
    for (const name of strangers) expect(readFileSync(join(location, name), 'utf8')).toBe(name)
  })

  it('touches nothing in a directory without a database, not even to lock it', async () => {
    mkdirSync(location)
    for (const strangers of [['notes.txt'], ['notes.txt', 'owner'], ['owner']]) {
      for (const name of strangers) writeFileSync(join(location, name), name)
      await destroy(location)
      expect(names()).toEqual(strangers)
      for (const name of strangers) {
        expect(readFileSync(join(location, name), 'utf8')).toBe(name)
        unlinkSync(join(location, name))
      }
    }
  })

  it('cleans up after an open that found no database', async () => {
    mkdirSync(location)
    await expectCode('NOT_FOUND', () => open(location, { createIfMissing: false }))
    expect(names()).toEqual(['LOCK.1'])
    writeFileSync(join(location, 'notes.txt'), '')
    await destroy(location)
    expect(names()).toEqual(['notes.txt'])
  })

  it('keeps a directory behind a symbolic link, so that the link still leads somewhere', async () => {
    await filled()
    const link = join(temporary, 'link')
    symlinkSync('db', link)
    await destroy(link)
    expect(names()).toEqual([])
    await (await open(link, { memoryLimit: SMALL_MEMORY })).close()
    await destroy(location)
    expect(readdirSync(temporary)).toEqual(['link'])
  })

  it('is LOCKED while the database is open in this process, and removes nothing', async () => {
    await filled()
    const db = await openHere()
    const before = names()
    const error = await expectCode('LOCKED', () => destroy(location))
    expect(error.message).toContain('in this process')
    expect(names()).toEqual(before)
    expect(await db.get('k7')).toBe('v7')
    await db.close()
    await destroy(location)
    expect(existsSync(location)).toBe(false)
  })

  it('is LOCKED while the database is open in another process, and removes nothing', async () => {
    await filled()
    const script = join(temporary, 'holder.mjs')
    await build({
      stdin: {
        contents: `
          import { nodeFileSystem } from './src/fs/node.ts'
          globalThis.lock = await nodeFileSystem(process.argv[2]).lock()
          process.stdin.resume()
          console.log('locked')`,
        resolveDir: process.cwd(),
      },
      bundle: true,
      platform: 'node',
      format: 'esm',
      outfile: script,
      logLevel: 'warning',
    })
    const child = spawn(process.execPath, [script, location], { stdio: ['pipe', 'pipe', 'inherit'] })
    try {
      await new Promise((resolve) => child.stdout.once('data', resolve))
      const before = names()
      const error = await expectCode('LOCKED', () => destroy(location))
      expect(error.message).toContain(`process ${child.pid}`)
      expect(names()).toEqual(before)
    } finally {
      const gone = new Promise((resolve) => child.once('exit', resolve))
      child.kill('SIGKILL')
      await gone
    }
    await destroy(location)
    expect(existsSync(location)).toBe(false)
  })

  it('lets one of several calls at a time do it', async () => {
    await filled()
    const outcomes = await Promise.allSettled([destroy(location), destroy(location), destroy(location)])
    for (const outcome of outcomes)
      if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'LOCKED' })
    expect(outcomes.some(({ status }) => status === 'fulfilled')).toBe(true)
    expect(existsSync(location)).toBe(false)
  })

  it('beside opens: each gets a whole new database, or LOCKED', async () => {
    for (let round = 0; round < 20; round++) {
      await filledSmall()
      const destroyed = destroy(location).then(
        () => 'destroyed',
        (error: unknown) => error,
      )
      for (let turn = 0; turn < round; turn++) await new Promise((resolve) => setImmediate(resolve))
      const db = await openHere().catch((error: unknown) => error)
      const outcome = await destroyed
      if (db instanceof Error) {
        expect(db).toMatchObject({ code: 'LOCKED' })
        expect(outcome).toBe('destroyed')
      } else {
        const opened = db as TextDatabase
        const found = await opened.get('k')
        // Destroyed before it was opened; or opened before destroy looked, which then was refused.
        if (outcome === 'destroyed') expect(found).toBeUndefined()
        else expect(outcome).toMatchObject({ code: 'LOCKED' })
        await opened.close()
        await destroy(location)
      }
    }
  })

  it('that takes the directory away from an open makes it create another, unless it must not', async () => {
    const files = new FaultyFileSystem()
    const lock = files.lock.bind(files)
    let losses = 0
    files.lock = async () => {
      if (losses === 0) return lock()
      losses--
      await files.removeDirectory()
      throw new VarveError('NOT_FOUND', 'The directory is gone.')
    }
    losses = 3
    const db = await openText(files)
    await db.close()
    losses = 1
    await expectCode('NOT_FOUND', () => openText(files, { createIfMissing: false }))
    losses = 1000
    await expectCode('NOT_FOUND', () => openText(files))
  })

  async function filledSmall(): Promise<void> {
    const db = await openHere()
    await db.put('k', 'v')
    await db.close()
  }

  it.each<[string, string, () => void]>([
    ['both superblocks damaged', 'CORRUPT', () => damage('superblock-a', 'superblock-b')],
    ['a superblock missing', 'MISSING_FILE', () => unlinkSync(fileOf('superblock-a'))],
    ['both superblocks missing', 'MISSING_FILE', () => unlinkSuperblocks()],
    ['a damaged manifest', 'CORRUPT', () => damage('.man')],
    ['a manifest of a later version', 'FORMAT_VERSION', () => ageManifest()],
    ['a table missing', 'MISSING_FILE', () => unlinkSync(fileOf('.sst'))],
    ['a journal cut off', 'CORRUPT', () => truncateSync(fileOf('.wal'), 70)],
  ])('removes what open refuses: %s', async (_, code, harm) => {
    await filled()
    harm()
    await expect(openHere()).rejects.toMatchObject({ code })
    await destroy(location)
    expect(existsSync(location)).toBe(false)
    await expectNew()
  })

  function damage(...endings: string[]): void {
    for (const ending of endings) {
      const path = fileOf(ending)
      const bytes = readFileSync(path)
      bytes[40] = (bytes[40] ?? 0) ^ 1
      writeFileSync(path, bytes)
    }
  }

  function unlinkSuperblocks(): void {
    for (const copy of ['a', 'b']) unlinkSync(fileOf(`superblock-${copy}`))
  }

  function ageManifest(): void {
    const path = fileOf('.man')
    const bytes = readFileSync(path)
    bytes[8] = 99
    kernel.hashBytes(bytes.subarray(0, 120), bytes, 120)
    writeFileSync(path, bytes)
  }

  it('stops at a file that cannot be removed, and goes on when it can', async () => {
    await filled()
    const obstacle = join(location, '00000000000000ff.sst')
    mkdirSync(obstacle)
    await expectCode('IO', () => destroy(location))
    expect(names().filter((name) => name.startsWith('superblock'))).toEqual([])
    rmSync(obstacle, { recursive: true })
    await destroy(location)
    expect(existsSync(location)).toBe(false)
  })

  it.each([undefined, null, 5, '', 'a\0b', {}])('refuses the location %o', async (wrong) => {
    await expect(destroy(wrong as string)).rejects.toThrow(TypeError)
  })

  it('refuses a location that is a file', async () => {
    writeFileSync(location, 'mine')
    await expectCode('IO', () => destroy(location))
    expect(readFileSync(location, 'utf8')).toBe('mine')
  })

  it('is a method of VarveLevel, with its errors', async () => {
    const level = new VarveLevel(location)
    await level.put('k', 'v')
    await expect(VarveLevel.destroy(location)).rejects.toMatchObject({ code: 'LEVEL_LOCKED' })
    await level.close()
    await VarveLevel.destroy(location)
    expect(existsSync(location)).toBe(false)
    await expect(VarveLevel.destroy('')).rejects.toBeInstanceOf(TypeError)
  })

  it('beside an open that is refused in a directory of strangers: nothing was touched', async () => {
    mkdirSync(location)
    writeFileSync(join(location, 'owner'), 'mine')
    await expectCode('EXISTS', () => open(location))
    await expectCode('NOT_FOUND', () => open(location, { createIfMissing: false }))
    expect(names()).toEqual(['owner'])
    expect(readFileSync(join(location, 'owner'), 'utf8')).toBe('mine')
  })

  it('is not supported in browsers', async () => {
    await expectCode('NOT_SUPPORTED', () => destroyInBrowser('db'))
  })
})
