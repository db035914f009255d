import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { cp, mkdir, readdir, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { pathToFileURL } from 'node:url'
import { ClassicLevel } from 'classic-level'
import { describe, expect, it } from 'vitest'
import { commandFile, contentOf, failure, library, output, temporaryPath, varve } from './support.ts'

const { VarveLevel } = (await import(
  pathToFileURL(resolve('dist/level.js')).href
)) as typeof import('../../src/level/index.ts')

const RAW = { keyEncoding: 'buffer', valueEncoding: 'buffer' } as const

type Entry = readonly [key: string | Buffer, value: string | Buffer]

/** A LevelDB database with these entries. */
async function levelDatabase(entries: readonly Entry[]): Promise<string> {
  const source = await temporaryPath('level')
  const level = new ClassicLevel<Buffer, Buffer>(source, RAW)
  await level.batch(
    entries.map(([key, value]) => ({ type: 'put', key: Buffer.from(key), value: Buffer.from(value) })),
  )
  await level.close()
  return source
}

/** `count` small entries, in key order. */
function numbered(count: number): Entry[] {
  return Array.from({ length: count }, (_, at) => [`k${String(at).padStart(6, '0')}`, `value ${at}`])
}

/** Overwrites the middle of every table of a LevelDB database. */
async function damage(source: string): Promise<void> {
  const tables = (await readdir(source)).filter((name) => name.endsWith('.ldb'))
  expect(tables).not.toEqual([])
  for (const name of tables) {
    const bytes = await readFile(join(source, name))
    bytes.fill(0xff, bytes.length >>> 2, (bytes.length >>> 2) + 64)
    await writeFile(join(source, name), bytes)
  }
}

describe('import-level', () => {
  it('copies every byte of every entry', async () => {
    const noise = Buffer.from(Array.from({ length: 256 }, (_, at) => at))
    const entries: Entry[] = [
      ['', 'the empty key'],
      ['empty value', ''],
      ['Ünïcode 🌍', 'größer \u0000 \u2028'],
      [noise, noise],
      [Buffer.from([0xff, 0xff]), Buffer.from([0x00])],
      [Buffer.from([0x00]), Buffer.from([0xff, 0xfe])],
      ...Array.from({ length: 12 }, (_, at): Entry => [`large ${at}`, Buffer.alloc(100_000, noise)]),
      ...numbered(3000),
    ]
    const source = await levelDatabase(entries)
    const data = await temporaryPath()
    const { exitCode, stdout, stderr } = await varve(['import-level', source, data])
    expect(stderr).toMatch(/^varve: imported 3,018 entries \(1\.3 MB\) in \d+\.\d s\.\n$/)
    expect(stdout).toBe('')
    expect(exitCode).toBe(0)
    const expected = entries
      .map(([key, value]) => [Buffer.from(key), Buffer.from(value)] as const)
      .sort(([one], [other]) => Buffer.compare(one, other))
      .map(([key, value]) => ['', key.toString('hex'), value.toString('hex')])
    expect(await contentOf(data)).toEqual(expected)
    expect(await output(['verify', data])).toContain('ok: ')
  })

  it('leaves the source as it was, for LevelDB to open', async () => {
    const source = await levelDatabase(numbered(50))
    await varve(['import-level', source, await temporaryPath()])
    const level = new ClassicLevel(source, { createIfMissing: false })
    expect(await level.iterator().all()).toEqual(numbered(50))
    await level.close()
  })

  it('brings sublevels, which varve/level reads', async () => {
    const source = await temporaryPath('level')
    const level = new ClassicLevel<string, unknown>(source, { valueEncoding: 'json' })
    const people = level.sublevel<string, unknown>('people', { valueEncoding: 'json' })
    const faces = people.sublevel<string, Buffer>('faces', { valueEncoding: 'buffer' })
    await level.put('plain', { a: 1 })
    await people.put('ada', { born: 1815 })
    await faces.put('ada', Buffer.from([1, 2, 255]))
    await level.close()

    const data = await temporaryPath()
    await varve(['import-level', source, data])
    const copy = new VarveLevel<string, unknown>(data, { valueEncoding: 'json', createIfMissing: false })
    const copyOfPeople = copy.sublevel<string, unknown>('people', { valueEncoding: 'json' })
    const copyOfFaces = copyOfPeople.sublevel<string, Buffer>('faces', { valueEncoding: 'buffer' })
    expect(await copy.get('plain')).toEqual({ a: 1 })
    expect(await copyOfPeople.iterator({ gte: 'a', lt: 'b' }).all()).toEqual([['ada', { born: 1815 }]])
    expect(await copyOfFaces.get('ada')).toEqual(Buffer.from([1, 2, 255]))
    await copy.close()
  })

  it('fixes no encodings, so that any can be chosen afterwards', async () => {
    const source = await levelDatabase([['k', '{"a":1}']])
    const data = await temporaryPath()
    await varve(['import-level', source, data])
    const database = await library.open(data, { keyEncoding: 'utf8', valueEncoding: 'json' })
    expect(await database.get('k')).toEqual({ a: 1 })
    await database.close()
  })

  it('imports into a keyspace, beside what else there is', async () => {
    const data = await temporaryPath()
    await output(['put', data, 'k', 'v', '--create'])
    await varve(['import-level', await levelDatabase([['a', '1']]), data, '--keyspace', 'old'])
    expect(await contentOf(data)).toEqual([
      ['', '6b', '76'],
      ['old', '61', '31'],
    ])
  })

  it('makes an empty database of an empty one', async () => {
    const data = await temporaryPath()
    const { exitCode, stderr } = await varve(['import-level', await levelDatabase([]), data])
    expect(stderr).toMatch(/^varve: imported 0 entries \(0 B\) in \d+\.\d s\.\n$/)
    expect(exitCode).toBe(0)
    expect(await output(['count', data])).toBe('0\n')
  })
})

describe('import-level refuses', () => {
  it('a source that is open elsewhere', async () => {
    const source = await levelDatabase(numbered(1))
    const data = await temporaryPath()
    const level = new ClassicLevel(source)
    await level.open()
    expect(await failure(3, ['import-level', source, data])).toContain(source)
    await level.close()
    expect(existsSync(data)).toBe(false)
  })

  it('a source that is missing, and creates neither', async () => {
    const source = await temporaryPath('level')
    const data = await temporaryPath()
    expect(await failure(1, ['import-level', source, data])).toContain(`There is no directory ${source}`)
    expect(existsSync(source)).toBe(false)
    expect(existsSync(data)).toBe(false)
  })

  it('a source that is something else, and leaves it alone', async () => {
    const source = await temporaryPath('level')
    const data = await temporaryPath()
    await mkdir(source)
    await writeFile(join(source, 'letter.txt'), 'Dear reader')
    expect(await failure(2, ['import-level', source, data])).toContain('is not a LevelDB database')
    expect(await readdir(source)).toEqual(['letter.txt'])
    expect(await failure(2, ['import-level', join(source, 'letter.txt'), data])).toContain('is a file')
    expect(existsSync(data)).toBe(false)
  })

  it('a source that is damaged, before it creates anything', async () => {
    const data = await temporaryPath()
    const named = await levelDatabase(numbered(1))
    await writeFile(join(named, 'CURRENT'), 'nonsense')
    expect(await failure(4, ['import-level', named, data])).toContain('is damaged')
    await rm(join(named, 'CURRENT'))
    expect(await failure(4, ['import-level', named, data])).toContain('the file CURRENT is missing')
    expect(existsSync(data)).toBe(false)
  })

  it('a keyspace that is not empty', async () => {
    const source = await levelDatabase(numbered(1))
    const data = await temporaryPath()
    await output(['put', data, 'k', 'v', '--create'])
    const message = await failure(2, ['import-level', source, data])
    expect(message).toContain('already has entries')
    expect(message).toContain('nothing was imported')
    expect(await contentOf(data)).toEqual([['', '6b', '76']])
  })

  it('the directory of the source as the target', async () => {
    const source = await levelDatabase(numbered(1))
    const files = await readdir(source)
    const message = await failure(2, ['import-level', source, join(source, '..', 'level')])
    expect(message).toContain('another directory')
    expect(await readdir(source)).toEqual(files)
  })
})

describe('a failure midway', () => {
  it('names the entry that cannot be stored, and says what was imported before', async () => {
    const source = await levelDatabase([...numbered(2300), [`l${'o'.repeat(70_000)}`, 'v'], ['z', 'v']])
    const data = await temporaryPath()
    const message = await failure(2, ['import-level', source, data])
    expect(message).toContain('Entry 2,301: key is 70001 bytes long; at most 65535 are possible')
    expect(message).toContain('2,000 entries imported before')
    expect(await output(['count', data])).toBe('2000\n')
  })

  it('heeds the limit of values, which --memory-limit sets', async () => {
    const source = await levelDatabase([['k', Buffer.alloc(2_000_000)]])
    const data = await temporaryPath()
    const message = await failure(2, ['import-level', source, data, '--memory-limit', '16'])
    expect(message).toContain('Entry 1: value is 2000000 bytes long')
    expect(message).toContain('nothing was imported')
    const { stderr } = await varve(['import-level', source, data, '--memory-limit', '64'])
    expect(stderr).toContain('imported 1 entry (2.0 MB)')
  })

  it('reports damage that LevelDB finds while it is read', async () => {
    const source = await levelDatabase(numbered(20_000))
    const level = new ClassicLevel(source)
    await level.compactRange('a', 'z')
    await level.close()
    await damage(source)
    const data = await temporaryPath()
    const message = await failure(4, ['import-level', source, data])
    expect(message).toContain(`${source} is damaged`)
    const [, imported = ''] = /; ([\d,]+) entries imported before\.\n$/.exec(message) ?? []
    expect(await output(['count', data])).toBe(`${imported.replace(',', '')}\n`)
  })
})

describe('damage that LevelDB passes over on opening', () => {
  it('is said beside the result, as it is missing in the copy', async () => {
    const source = await levelDatabase([])
    const level = new ClassicLevel(source)
    for (const [key, value] of numbered(5000)) await level.put(String(key), String(value))
    await level.close()
    for (const name of (await readdir(source)).filter((file) => file.endsWith('.log'))) {
      const bytes = await readFile(join(source, name))
      bytes.fill(0xff, 100_000, 100_020)
      await writeFile(join(source, name), bytes)
    }
    const { exitCode, stderr } = await varve(['import-level', source, await temporaryPath()])
    const [warning = '', summary = ''] = stderr.split('\n')
    expect(warning).toMatch(/^varve: LevelDB dropped [\d,]+ damaged bytes of its log [^\n]*\.$/)
    expect(warning).toContain(source)
    expect(summary).toMatch(/^varve: imported [34],\d{3} entries /)
    expect(exitCode).toBe(0)
  })

  it('is not what a crash leaves at the end of the log', async () => {
    const source = await levelDatabase(numbered(10))
    for (const name of (await readdir(source)).filter((file) => file.endsWith('.log'))) {
      const bytes = await readFile(join(source, name))
      await writeFile(join(source, name), bytes.subarray(0, -3))
    }
    const { stderr } = await varve(['import-level', source, await temporaryPath()])
    expect(stderr).toMatch(/^varve: imported 0 entries [^\n]*\n$/)
  })
})

describe('the package classic-level', () => {
  /** A copy of the built command where no package can be found beside it. */
  async function commandOnItsOwn(): Promise<string> {
    const root = await temporaryPath('varve')
    await cp(dirname(commandFile), join(root, 'dist'), { recursive: true })
    await cp('package.json', join(root, 'package.json'))
    return join(root, 'dist', 'cli.js')
  }

  async function run(command: string, cwd: string, ...args: string[]): Promise<[number | null, string]> {
    const child = spawn(process.execPath, [command, ...args], { cwd, stdio: ['ignore', 'ignore', 'pipe'] })
    const [errors, [exitCode]] = await Promise.all([
      buffer(child.stderr),
      once(child, 'exit') as Promise<[number | null]>,
    ])
    return [exitCode, errors.toString()]
  }

  it('is asked for when it is not installed, and taken from the current directory when it is', async () => {
    const command = await commandOnItsOwn()
    const source = await levelDatabase(numbered(2))
    const data = await temporaryPath()
    const cwd = dirname(data)
    const [exitCode, message] = await run(command, cwd, 'import-level', source, data)
    expect(message).toMatch(/^varve: [^\n]*"npm install classic-level"[^\n]*\.\n$/)
    // Where it looked, free of symbolic links, as the process itself sees it.
    expect(message).toContain(await realpath(cwd))
    expect(message).toContain(await realpath(dirname(command)))
    expect(exitCode).toBe(5)
    expect(existsSync(data)).toBe(false)

    await mkdir(join(cwd, 'node_modules'))
    await symlink(
      resolve('node_modules/classic-level'),
      join(cwd, 'node_modules', 'classic-level'),
      'junction',
    )
    const [code, summary] = await run(command, cwd, 'import-level', source, data)
    expect(summary).toContain('imported 2 entries')
    expect(code).toBe(0)
  })

  it('is taken from beside varve when the current directory has none', async () => {
    const source = await levelDatabase(numbered(2))
    const data = await temporaryPath()
    const [exitCode, summary] = await run(commandFile, dirname(data), 'import-level', source, data)
    expect(summary).toContain('imported 2 entries')
    expect(exitCode).toBe(0)
  })

  it('that cannot be loaded is a failure of one sentence, even when there is one beside varve', async () => {
    const data = await temporaryPath()
    const broken = join(dirname(data), 'node_modules', 'classic-level')
    await mkdir(broken, { recursive: true })
    await writeFile(join(broken, 'index.js'), "throw new Error('No native build was found\\n    for this')")
    const source = await levelDatabase([])
    const [exitCode, message] = await run(commandFile, dirname(data), 'import-level', source, data)
    expect(message).toMatch(/^varve: [^\n]* cannot be loaded: No native build was found for this\.\n$/)
    expect(exitCode).toBe(5)
  })

  it('is not part of the built command', async () => {
    expect(await readFile(commandFile, 'utf8')).not.toContain('node-gyp-build')
    expect(await readFile(join(dirname(commandFile), 'THIRD_PARTY_LICENSES.txt'), 'utf8')).not.toContain(
      'classic-level',
    )
  })
})
