import { cpSync, mkdtempSync, renameSync, rmSync, writeFileSync, readdirSync, existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { open } from '../../src/index.ts'
import { memoryFileSystem } from '../../src/fs/memory.ts'
import { openText } from '../api/support.ts'
import { FaultyFileSystem } from '../support/faulty.ts'

const options = { keyEncoding: 'utf8', valueEncoding: 'utf8', memoryLimit: 16 << 20 } as const

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'varve-conformance-'))
})
afterEach(() => {
  rmSync(directory, { recursive: true, force: true })
})

async function filled(path: string): Promise<void> {
  const db = await open(path, options)
  for (let i = 0; i < 300; i++) db.putSync(`key${i}`, `value ${i}`)
  db.putSync('large', 'x'.repeat(300_000))
  db.flushSync()
  db.putSync('journaled', 'j'.repeat(100_000))
  await db.close()
}

async function expectWhole(path: string): Promise<void> {
  const db = await open(path, options)
  expect(db.countSync()).toBe(302)
  expect(db.getSync('key299')).toBe('value 299')
  expect(db.getSync('large')).toBe('x'.repeat(300_000))
  expect(db.getSync('journaled')).toBe('j'.repeat(100_000))
  await db.close()
}

test('a database can be opened from another place, moved or copied, and from another working directory', async () => {
  const path = join(directory, 'db')
  await filled(path)
  renameSync(path, join(directory, 'moved'))
  await expectWhole(join(directory, 'moved'))
  cpSync(join(directory, 'moved'), join(directory, 'copy'), {
    recursive: true,
    filter: (name) => !/LOCK/.test(name),
  })
  await expectWhole(join(directory, 'copy'))
  await expectWhole(`${directory}/./x/../copy`)
})

test('files of the system and of strangers are ignored and never deleted', async () => {
  const path = join(directory, 'db')
  await filled(path)
  const strangers = [
    '.DS_Store',
    '._0000000000000001.sst',
    'Thumbs.db',
    'notes.txt',
    '0000000000000001.sst.bak',
  ]
  for (const name of strangers) writeFileSync(join(path, name), 'not ours')
  await expectWhole(path)
  const db = await open(path, options)
  db.putSync('more', '1')
  db.flushSync()
  await db.close()
  for (const name of strangers) expect(existsSync(join(path, name)), name).toBe(true)
})

test('a table that nothing names is deleted, but not before everything was checked', async () => {
  const disk = new FaultyFileSystem()
  const db = await openText(disk)
  db.putSync('a', '1')
  db.flushSync()
  await db.close()
  const files = disk.snapshotFiles()
  files.set('00000000000000ff.sst', new Uint8Array(100).fill(7))
  const image = FaultyFileSystem.fromFiles(files)
  const again = await openText(image)
  expect(again.getSync('a')).toBe('1')
  // A clean database writes nothing before its first write.
  expect(image.snapshotFiles().has('00000000000000ff.sst')).toBe(true)
  again.putSync('b', '2')
  expect(image.snapshotFiles().has('00000000000000ff.sst')).toBe(false)
  await again.close()
})

test('ids of files and keyspaces go on after a reopen: none is given twice', async () => {
  const files = memoryFileSystem()
  const seen = new Set<string>()
  for (let round = 0; round < 5; round++) {
    const db = await openText(files)
    db.putSync(`k${round}`, 'v')
    db.flushSync()
    const tables = (await files.list()).filter((name) => name.endsWith('.sst') && !seen.has(name))
    expect(tables.length).toBe(1)
    seen.add(tables[0] as string)
    await db.close()
  }
  expect(seen.size).toBe(5)
})

test('keyspaces are apart, are listed by name, and come back with their encodings', async () => {
  const path = join(directory, 'db')
  const names = ['a', 'A', 'ä', '../up', 'con', 'x'.repeat(255), ' ', '💾']
  let db = await open(path, options)
  for (const name of names) {
    const keyspace = db.keyspaceSync(name, { keyEncoding: 'utf8', valueEncoding: 'json' })
    keyspace.putSync('name', { name })
    if (name === 'A') keyspace.flushSync()
  }
  await db.close()
  db = await open(path, options)
  expect([...(await db.keyspaces())].sort()).toEqual([...names].sort())
  for (const name of names) {
    const keyspace = db.keyspaceSync(name, { keyEncoding: 'utf8', valueEncoding: 'json' })
    expect([...keyspace.rangeSync()]).toEqual([['name', { name }]])
  }
  expect(() => db.keyspaceSync('a', { keyEncoding: 'utf8', valueEncoding: 'utf8' })).toThrow(TypeError)
  await db.dropKeyspace('a')
  expect(db.keyspaceSync('A', { keyEncoding: 'utf8', valueEncoding: 'json' }).getSync('name')).toEqual({
    name: 'A',
  })
  await db.close()
  expect(readdirSync(directory)).toEqual(['db'])
})

test('a batch is replayed whole, across keyspaces, and the last of several operations on a key counts', async () => {
  const disk = new FaultyFileSystem()
  const db = await openText(disk)
  const other = db.keyspaceSync('other', { keyEncoding: 'utf8', valueEncoding: 'utf8' })
  db.batch().put('a', '1').put(other, 'a', 'x').delete('a').put('a', '2').commitSync({ durability: 'sync' })
  const again = await openText(disk.crashImage('loseAll', () => 0.5))
  expect(again.getSync('a')).toBe('2')
  expect(again.keyspaceSync('other', { keyEncoding: 'utf8', valueEncoding: 'utf8' }).getSync('a')).toBe('x')
  await again.close()
  await db.close()
})
