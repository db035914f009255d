/** What other users of the machine can do with the directory and the files of a database (Node). */
import {
  existsSync,
  lstatSync,
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
import { execFileSync } from 'node:child_process'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openOn } from '../../src/api/open.ts'
import { destroyDatabase } from '../../src/engine/destroy.ts'
import { parseFileName } from '../../src/fs/file-names.ts'
import { nodeFileSystem } from '../../src/fs/node.ts'

const options = {
  memoryLimit: 16 * 1024 * 1024,
  memtableSize: 4096,
  threads: 0,
  keyEncoding: 'utf8',
  valueEncoding: 'utf8',
} as const
let temporary = ''
let directory = ''

beforeEach(() => {
  temporary = mkdtempSync(join(tmpdir(), 'varve-security-'))
  directory = join(temporary, 'db')
})

afterEach(() => rmSync(temporary, { recursive: true, force: true }))

const modeOf = (path: string): number => lstatSync(path).mode & 0o777

/** Every kind of file, open and closed. */
async function exercise(check: () => void): Promise<void> {
  const db = await openOn(nodeFileSystem(directory), options)
  for (let i = 0; i < 300; i++) db.putSync(`k${i}`, 'v'.repeat(100))
  db.putSync('large', 'L'.repeat(50_000))
  await db.flush()
  await db.compact()
  check()
  await db.close()
  check()
  const again = await openOn(nodeFileSystem(directory), options)
  again.putSync('again', 'yes')
  check()
  await again.close()
}

describe.skipIf(process.platform === 'win32')('modes', () => {
  it.each([0, 0o022, 0o077])('under the umask %o nobody else may read anything', async (mask) => {
    const before = process.umask(mask)
    try {
      const kinds = new Set<string>()
      await exercise(() => {
        expect(modeOf(directory)).toBe(0o700)
        for (const name of readdirSync(directory)) {
          expect([name, modeOf(join(directory, name)) & 0o077]).toEqual([name, 0])
          kinds.add(parseFileName(name)?.kind ?? name)
        }
      })
      expect([...kinds].sort()).toEqual(['journal', 'lock', 'manifest', 'owner', 'superblock', 'table'])
    } finally {
      process.umask(before)
    }
  })
})

describe.skipIf(process.platform === 'win32')('links and strange files in the place of files', () => {
  it('are never written through, nor read, whichever file they replace', async () => {
    const outside = join(temporary, 'outside')
    writeFileSync(outside, 'precious')
    await exercise(() => {})
    const names = readdirSync(directory).filter((name) =>
      ['table', 'journal', 'manifest', 'superblock'].includes(parseFileName(name)?.kind ?? ''),
    )
    expect(names.length).toBeGreaterThan(4)
    for (const name of names) {
      const path = join(directory, name)
      const content = readFileSync(path)
      for (const replace of [
        () => symlinkSync(outside, path),
        () => symlinkSync(join(temporary, 'nowhere'), path),
        () => mkdirSync(path),
        () => execFileSync('mkfifo', [path]),
      ]) {
        rmSync(path)
        replace()
        await expect(openOn(nodeFileSystem(directory), options)).rejects.toMatchObject({
          code: 'CORRUPT',
          file: name,
        })
        rmSync(path, { recursive: true })
        writeFileSync(path, content)
      }
    }
    expect(readFileSync(outside, 'utf8')).toBe('precious')
    expect(existsSync(join(temporary, 'nowhere'))).toBe(false)
    await (await openOn(nodeFileSystem(directory), options)).close()
  })

  it('a name that is taken is not used: files are created exclusively', async () => {
    const outside = join(temporary, 'outside')
    const files = nodeFileSystem(directory)
    await files.prepare(true)
    symlinkSync(outside, join(directory, '0000000000000001.wal'))
    await expect(files.create('0000000000000001.wal')).rejects.toMatchObject({ code: 'EXISTS' })
    expect(() => files.createSync?.('0000000000000001.wal')).toThrow(
      expect.objectContaining({ code: 'EXISTS' }) as Error,
    )
    expect(existsSync(outside)).toBe(false)
  })
})

describe('names', () => {
  it('of keyspaces never become names of files', async () => {
    const names = [
      '../up',
      '..',
      '.',
      '/etc/passwd',
      'C:\\x',
      'a/b',
      'CON',
      '0000000000000001.sst',
      'superblock-a',
      ' ',
      '\u202e',
      'ä'.repeat(127),
      '__proto__',
      'constructor',
    ]
    const db = await openOn(nodeFileSystem(directory), options)
    for (const name of names) {
      const keyspace = await db.keyspace(name, { keyEncoding: 'utf8', valueEncoding: 'utf8' })
      keyspace.putSync('k', name)
    }
    await db.flush()
    expect(db.keyspaces().sort()).toEqual([...names].sort())
    await db.close()
    expect(readdirSync(temporary)).toEqual(['db'])
    for (const name of readdirSync(directory))
      expect([name, parseFileName(name)?.kind]).not.toContain(undefined)
    const again = await openOn(nodeFileSystem(directory), options)
    for (const name of names) {
      const keyspace = await again.keyspace(name, { keyEncoding: 'utf8', valueEncoding: 'utf8' })
      expect(keyspace.getSync('k')).toBe(name)
    }
    await again.close()
  })

  it('of strangers are ignored by every open, and survive destroy()', async () => {
    await exercise(() => {})
    const strangers = [
      '.DS_Store',
      '._0000000000000001.sst',
      'Thumbs.db',
      '0000000000000001.sst.bak',
      '000000000000000A.sst',
      'superblock-c',
      'LOCK',
      'readme.txt',
    ]
    for (const name of strangers) writeFileSync(join(directory, name), 'mine')
    mkdirSync(join(directory, 'folder'))
    symlinkSync(temporary, join(directory, 'link'))
    await exercise(() => {})
    await destroyDatabase(nodeFileSystem(directory))
    expect(readdirSync(directory).sort()).toEqual([...strangers, 'folder', 'link'].sort())
    for (const name of strangers) expect(readFileSync(join(directory, name), 'utf8')).toBe('mine')
    expect(existsSync(temporary)).toBe(true)
  })
})
