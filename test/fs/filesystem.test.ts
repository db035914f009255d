/** What every FileSystem must do alike, and what only the one on a real host can get wrong. */
import { execFileSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import ts from 'typescript'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { VarveErrorCode } from '../../src/errors.ts'
import type { File, FileSystem, OwnerLock } from '../../src/fs/filesystem.ts'
import { memoryFileSystem } from '../../src/fs/memory.ts'
import { nodeFileSystem } from '../../src/fs/node.ts'
import { opfsFileSystem } from '../../src/fs/opfs.ts'
import { nodeSources } from './node-sources.ts'
import { FaultyFileSystem } from '../support/faulty.ts'
import { pretendedOpfs } from '../support/pretended-opfs.ts'

let temporary = ''

beforeEach(() => {
  temporary = mkdtempSync(join(tmpdir(), 'varve-fs-'))
})

afterEach(() => {
  rmSync(temporary, { recursive: true, force: true })
})

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

function append(file: File, text: string): void {
  const bytes = bytesOf(text)
  file.write(bytes, 0, bytes.byteLength, file.size())
}

function contentOf(file: File): string {
  const bytes = new Uint8Array(file.size())
  expect(file.read(bytes, 0)).toBe(bytes.byteLength)
  return new TextDecoder().decode(bytes)
}

async function failure(action: () => unknown): Promise<unknown> {
  try {
    await action()
  } catch (error) {
    return error
  }
  throw new Error('nothing was thrown')
}

async function expectCode(action: () => unknown, code: VarveErrorCode, file?: string): Promise<void> {
  const error = await failure(action)
  expect(error).toMatchObject(
    file === undefined ? { name: 'VarveError', code } : { name: 'VarveError', code, file },
  )
  if (file !== undefined) expect((error as Error).message).toContain(file)
}

/** Makes the sources a plain Node process needs available as JavaScript: Node 20 cannot strip types. */
function compileSources(target: string): void {
  const options = {
    module: ts.ModuleKind.ESNext,
    target: ts.ScriptTarget.ES2022,
    rewriteRelativeImportExtensions: true,
  }
  mkdirSync(join(target, 'fs'))
  writeFileSync(join(target, 'package.json'), '{"type":"module"}')
  for (const name of nodeSources) {
    const source = readFileSync(new URL(`../../src/${name}.ts`, import.meta.url), 'utf8')
    writeFileSync(
      join(target, `${name}.js`),
      ts.transpileModule(source, { compilerOptions: options }).outputText,
    )
  }
}

let host = pretendedOpfs()

beforeEach(() => {
  host = pretendedOpfs()
})

const implementations: [string, () => FileSystem][] = [
  ['node', () => nodeFileSystem(join(temporary, 'database'))],
  ['memory', () => memoryFileSystem()],
  ['faulty', () => new FaultyFileSystem()],
  ['OPFS', () => opfsFileSystem('database', host)],
]

describe.each(implementations)('%s file system', (name, make) => {
  let system: FileSystem
  /** Where files are the owner's alone. */
  let owner: OwnerLock | undefined

  beforeEach(async () => {
    system = make()
    await system.prepare(true)
    owner = name === 'OPFS' ? await system.lock() : undefined
  })

  it('creates its directory once', async () => {
    const other = make()
    if (other.location === 'memory' || other.location === 'simulated') {
      await expectCode(() => other.prepare(false), 'NOT_FOUND')
      expect(await other.prepare(true)).toBe(true)
    }
    expect(await other.prepare(true)).toBe(false)
    expect(await other.prepare(false)).toBe(false)
  })

  it('removes its directory once it is empty', async () => {
    ;(await system.create('a')).close()
    expect(await system.removeDirectory()).toBe(false)
    expect(await system.list()).toEqual(['a'])
    await system.remove('a')
    await owner?.destroy()
    expect(await system.removeDirectory()).toBe(true)
    await expectCode(() => system.prepare(false), 'NOT_FOUND')
    expect(await system.prepare(true)).toBe(true)
    const lock = await system.lock()
    await lock.destroy()
    await lock.release()
    expect(await system.list()).toEqual([])
    expect(await system.removeDirectory()).toBe(true)
  })

  it('tells its location and boot', () => {
    expect(system.location).not.toBe('')
    expect(system.bootId).toHaveLength(16)
    expect(make().bootId).toEqual(system.bootId)
  })

  it('creates exclusively', async () => {
    const file = await system.create('1.wal')
    append(file, 'kept')
    await expectCode(() => system.create('1.wal'), 'EXISTS', '1.wal')
    await expectCode(() => system.createSync?.('1.wal'), 'EXISTS', '1.wal')
    expect(contentOf(file)).toBe('kept')
    file.close()
  })

  it('lists what was created and not removed', async () => {
    ;(await system.create('a')).close()
    system.createSync?.('b').close()
    ;(await system.create('c')).close()
    ;(await system.create('d')).close()
    await system.remove('a')
    system.removeSync?.('b')
    expect((await system.list()).sort()).toEqual(['c', 'd'])
  })

  it('opens, reads and removes only what exists', async () => {
    await expectCode(() => system.open('absent', false), 'NOT_FOUND', 'absent')
    await expectCode(() => system.open('absent', true), 'NOT_FOUND', 'absent')
    await expectCode(() => system.remove('absent'), 'NOT_FOUND', 'absent')
    await expectCode(() => system.removeSync?.('absent'), 'NOT_FOUND', 'absent')
    expect(await system.list()).toEqual([])
  })

  it('refuses unsafe names', async () => {
    for (const name of [
      '',
      '.',
      '..',
      '.hidden',
      'a/b',
      '../a',
      'a\\b',
      'a\0',
      'ä',
      '-a',
      'a\n',
      'x'.repeat(65),
    ]) {
      for (const action of [
        () => system.create(name),
        () => system.createSync?.(name),
        () => system.open(name, true),
        () => system.remove(name),
        () => system.removeSync?.(name),
      ]) {
        expect(await failure(action)).toBeInstanceOf(RangeError)
      }
    }
    for (const name of ['x'.repeat(64), 'A.b-c_9', '0']) (await system.create(name)).close()
    expect(await system.list()).toHaveLength(3)
  })

  it('reads up to the end and no further', async () => {
    const file = await system.create('f')
    append(file, 'hello')
    const target = new Uint8Array(8).fill(0xee)
    expect(file.read(target, 2)).toBe(3)
    expect([...target]).toEqual([...bytesOf('llo'), 0xee, 0xee, 0xee, 0xee, 0xee])
    expect(file.read(target, 5)).toBe(0)
    expect(file.read(target, 500)).toBe(0)
    expect(file.read(new Uint8Array(0), 0)).toBe(0)
    file.close()
  })

  it('overwrites in the middle, and fills gaps with zeros', async () => {
    const file = await system.create('f')
    append(file, 'abcdef')
    file.write(bytesOf('__XY__'), 2, 2, 1)
    expect(contentOf(file)).toBe('aXYdef')
    file.write(bytesOf('z'), 0, 1, 8)
    expect(contentOf(file)).toBe('aXYdef\0\0z')
    file.write(bytesOf('nothing'), 7, 0, 100)
    expect(file.size()).toBe(9)
    file.close()
  })

  it('writes and reads large pieces', async () => {
    const file = await system.create('f')
    const source = new Uint8Array(3_000_001).map((_, index) => index * 7)
    file.write(source, 1, 3_000_000, 0)
    const target = new Uint8Array(3_000_000)
    expect(file.read(target, 0)).toBe(3_000_000)
    expect(Buffer.compare(target, source.subarray(1))).toBe(0)
    file.close()
  })

  it('works on shared memory, at an offset', async () => {
    const file = await system.create('f')
    const shared = new Uint8Array(new SharedArrayBuffer(64), 16, 32)
    shared.set(bytesOf('0123456789'), 4)
    file.write(shared, 6, 5, 0)
    shared.fill(0)
    expect(file.read(shared.subarray(20), 1)).toBe(4)
    expect([...shared.subarray(20, 25)]).toEqual([...bytesOf('3456'), 0])
    file.close()
  })

  it('refuses a range outside of the source', async () => {
    const file = await system.create('f')
    expect(await failure(() => file.write(new Uint8Array(4), 2, 3, 0))).toBeInstanceOf(RangeError)
    expect(await failure(() => file.write(new Uint8Array(4), 5, 1, 0))).toBeInstanceOf(RangeError)
    expect(file.size()).toBe(0)
    file.close()
  })

  it('does not keep the source', async () => {
    const file = await system.create('f')
    const source = Buffer.from('before')
    file.write(source, 0, 6, 0)
    source.write('after!')
    expect(contentOf(file)).toBe('before')
    file.close()
  })

  it('truncates and extends with zeros', async () => {
    const file = await system.create('f')
    append(file, 'abcdef')
    file.truncate(2)
    expect(contentOf(file)).toBe('ab')
    file.truncate(4)
    expect(contentOf(file)).toBe('ab\0\0')
    file.truncate(0)
    append(file, 'x')
    expect(contentOf(file)).toBe('x')
    file.close()
  })

  it('keeps content over close and open', async () => {
    const file = await system.create('f')
    append(file, 'one')
    file.sync()
    await file.syncAsync()
    await system.syncDirectory()
    system.syncDirectorySync?.()
    file.close()
    const again = await system.open('f', true)
    expect(again.name).toBe('f')
    append(again, 'two')
    again.close()
    const reader = await system.open('f', false)
    expect(contentOf(reader)).toBe('onetwo')
    reader.close()
  })

  it('does not write through a file opened for reading', async () => {
    ;(await system.create('f')).close()
    const file = await system.open('f', false)
    await expectCode(() => append(file, 'x'), 'IO', 'f')
    expect(file.size()).toBe(0)
    file.close()
  })

  it('refuses a closed file, and closes twice', async () => {
    const file = await system.create('f')
    file.close()
    file.close()
    await expectCode(() => file.size(), 'CLOSED', 'f')
    await expectCode(() => file.read(new Uint8Array(1), 0), 'CLOSED', 'f')
    await expectCode(() => file.write(new Uint8Array(1), 0, 1, 0), 'CLOSED', 'f')
    await expectCode(() => file.truncate(0), 'CLOSED', 'f')
    await expectCode(() => file.sync(), 'CLOSED', 'f')
    await expectCode(() => file.syncAsync(), 'CLOSED', 'f')
  })

  it('may be closed while a flush is under way', async () => {
    for (let round = 0; round < 20; round++) {
      const file = await system.create(`f${round}`)
      append(file, 'content')
      const flushes = [file.syncAsync(), file.syncAsync()]
      file.close()
      // Takes the descriptor number if it was given back too early.
      const other = await system.create(`g${round}`)
      await Promise.all(flushes)
      append(other, 'other')
      expect(contentOf(other)).toBe('other')
      other.close()
    }
  })

  it('reads asynchronously what it reads synchronously, where it can', async () => {
    const file = await system.create('f')
    if (file.readAsync === undefined) return file.close()
    append(file, 'abcdefgh')
    const target = new Uint8Array(5)
    expect(await file.readAsync(target, 2)).toBe(5)
    expect(Buffer.from(target).toString()).toBe('cdefg')
    expect(await file.readAsync(target.fill(0), 6)).toBe(2)
    expect(Buffer.from(target).toString()).toBe('gh\0\0\0')
    expect(await file.readAsync(target, 8)).toBe(0)
    expect(await file.readAsync(new Uint8Array(0), 3)).toBe(0)
    file.close()
    await expectCode(() => file.readAsync?.(target, 0), 'CLOSED', 'f')
  })

  it('leaves an open file usable after its name is gone', async () => {
    const file = await system.create('f')
    append(file, 'old')
    await system.remove('f')
    const next = await system.create('f')
    append(next, 'new')
    expect([contentOf(file), contentOf(next)]).toEqual(['old', 'new'])
    file.close()
    next.close()
  })

  it('has one owner at a time', async () => {
    const first = owner ?? (await system.lock())
    await expectCode(() => system.lock(), 'LOCKED')
    await first.release()
    await first.release()
    const next = await system.lock()
    first.releaseSync()
    await expectCode(() => system.lock(), 'LOCKED')
    next.releaseSync()
    next.releaseSync()
    await (await system.lock()).release()
  })
})

describe('node file system on a real host', () => {
  let directory = ''

  beforeEach(() => {
    directory = join(temporary, 'database')
  })

  async function prepared(): Promise<FileSystem> {
    const system = nodeFileSystem(directory)
    await system.prepare(true)
    return system
  }

  it('gives a descriptor back only when the reads under way have ended', async () => {
    const system = await prepared()
    for (let round = 0; round < 20; round++) {
      const file = await system.create(`f${round}`)
      append(file, 'content')
      const target = new Uint8Array(7)
      const read = file.readAsync?.(target, 0)
      file.close()
      const other = await system.create(`g${round}`)
      append(other, 'strange')
      expect(await read).toBe(7)
      expect(Buffer.from(target).toString()).toBe('content')
      other.close()
    }
  })

  it('creates only the last component, closed to others', async () => {
    expect(await nodeFileSystem(directory).prepare(true)).toBe(true)
    expect(statSync(directory).mode & 0o777).toBe(0o700)
    const system = await prepared()
    ;(await system.create('f')).close()
    system.createSync?.('g').close()
    for (const name of ['f', 'g']) expect(statSync(join(directory, name)).mode & 0o777).toBe(0o600)
    await expectCode(() => nodeFileSystem(join(temporary, 'no', 'where')).prepare(true), 'NOT_FOUND')
    await expectCode(() => nodeFileSystem(join(temporary, 'nowhere')).prepare(false), 'NOT_FOUND')
    expect(readdirSync(temporary)).toEqual(['database'])
  })

  it('refuses a file in place of the directory', async () => {
    writeFileSync(directory, 'x')
    await expectCode(() => nodeFileSystem(directory).prepare(true), 'IO')
    await expectCode(() => nodeFileSystem(directory).prepare(false), 'IO')
    symlinkSync(join(temporary, 'nowhere'), join(temporary, 'dangling'))
    await expectCode(() => nodeFileSystem(join(temporary, 'dangling')).prepare(true), 'NOT_FOUND')
  })

  it('accepts the root of a file system as an existing directory', async () => {
    expect(await nodeFileSystem('/').prepare(true)).toBe(false)
  })

  it('keeps its directory when the process changes its own, or a link to it changes', async () => {
    const before = process.cwd()
    mkdirSync(directory)
    mkdirSync(join(temporary, 'elsewhere'))
    symlinkSync(directory, join(temporary, 'link'))
    let system: FileSystem
    // NOTE: needs vitest's pool of processes, its default; worker threads have no chdir.
    process.chdir(temporary)
    try {
      system = nodeFileSystem('link')
      await system.prepare(true)
      process.chdir(join(temporary, 'elsewhere'))
      rmSync(join(temporary, 'link'))
      symlinkSync(join(temporary, 'elsewhere'), join(temporary, 'link'))
      ;(await system.create('f')).close()
    } finally {
      process.chdir(before)
    }
    expect(system.location).toBe(join(realpathSync(temporary), 'link'))
    expect(readdirSync(directory)).toEqual(['f'])
  })

  it('does not remove a directory behind a symbolic link, and says when it is gone already', async () => {
    mkdirSync(directory)
    symlinkSync('database', join(temporary, 'link'))
    const system = nodeFileSystem(join(temporary, 'link'))
    await system.prepare(false)
    expect(await system.removeDirectory()).toBe(false)
    expect(readdirSync(temporary).sort()).toEqual(['database', 'link'])
    const other = await prepared()
    rmSync(directory, { recursive: true })
    expect(await other.removeDirectory()).toBe(true)
  })

  it('refuses whatever is not a regular file', async () => {
    const system = await prepared()
    writeFileSync(join(directory, 'real'), 'x')
    symlinkSync('real', join(directory, 'link'))
    symlinkSync('nowhere', join(directory, 'dangling'))
    mkdirSync(join(directory, 'folder'))
    execFileSync('mkfifo', [join(directory, 'fifo')])
    for (const name of ['link', 'dangling', 'folder', 'fifo']) {
      for (const writable of [false, true])
        await expectCode(() => system.open(name, writable), 'CORRUPT', name)
      await expectCode(() => system.create(name), 'EXISTS', name)
    }
    await expectCode(() => system.remove('folder'), 'IO', 'folder')
    expect(readFileSync(join(directory, 'real'), 'utf8')).toBe('x')
    expect((await system.list()).sort()).toEqual(['dangling', 'fifo', 'folder', 'link', 'real'])
  })

  it('says what to do when the directory is gone', async () => {
    const system = await prepared()
    rmSync(directory, { recursive: true })
    await expectCode(() => system.create('f'), 'NOT_FOUND', 'f')
    await expectCode(() => system.list(), 'NOT_FOUND')
    await expectCode(() => system.syncDirectory(), 'NOT_FOUND')
    await expectCode(() => system.syncDirectorySync?.(), 'NOT_FOUND')
    await expectCode(() => system.lock(), 'NOT_FOUND')
  })

  it('says what Node.js with --permission refuses, and writes nothing then', () => {
    compileSources(temporary)
    const script = `
      import { nodeFileSystem } from './fs/node.js'
      for (const directory of ['new', 'existing']) {
        await nodeFileSystem(directory).prepare(true).catch((error) => console.log(error.code + ' ' + error.message))
      }`
    writeFileSync(join(temporary, 'refused.mjs'), script)
    mkdirSync(join(temporary, 'existing'))
    const isStable = process.allowedNodeEnvironmentFlags.has('--permission')
    const flag = isStable ? '--permission' : '--experimental-permission'
    const flags = [flag, '--allow-fs-read=*', `--allow-fs-write=${temporary}`, '--no-warnings']
    const output = execFileSync(process.execPath, [...flags, 'refused.mjs'], {
      encoding: 'utf8',
      cwd: temporary,
    })
    const [created, opened] = output.split('\n')
    const reason = 'the runtime does not permit it \\(fsync API is disabled'
    expect(created).toMatch(new RegExp(`^NOT_SUPPORTED Cannot create the directory .*/new: ${reason}`))
    expect(opened).toMatch(new RegExp(`^NOT_SUPPORTED Cannot flush the directory .*/existing: ${reason}`))
    expect(existsSync(join(temporary, 'new'))).toBe(false)
  })

  it.runIf(process.platform === 'linux')('reports a real file size limit as DISK_FULL', () => {
    compileSources(temporary)
    const script = `
      import { nodeFileSystem } from './fs/node.js'
      process.on('SIGXFSZ', () => {})
      const system = nodeFileSystem('database')
      await system.prepare(true)
      const file = await system.create('limited')
      const codes = []
      const attempt = (action) => {
        try { action(); codes.push('ok') } catch (error) { codes.push(error.code + ' ' + error.cause?.code) }
      }
      for (const length of [3000, 9000, 10]) attempt(() => file.write(new Uint8Array(9000), 0, length, file.size()))
      attempt(() => file.truncate(1e6))
      console.log(JSON.stringify([codes, file.size()]))`
    writeFileSync(join(temporary, 'limited.mjs'), script)
    const command = `ulimit -f 8; exec "${process.execPath}" limited.mjs`
    const output = execFileSync('sh', ['-c', command], { encoding: 'utf8', cwd: temporary })
    const [codes, size] = JSON.parse(output) as [string[], number]
    expect(codes).toEqual(['ok', 'DISK_FULL EFBIG', 'DISK_FULL EFBIG', 'DISK_FULL EFBIG'])
    // dash counts 512-byte blocks, bash 1024-byte ones.
    expect([4096, 8192]).toContain(size)
  })

  it.runIf(process.platform === 'linux')('knows the boot', () => {
    const text = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim().replaceAll('-', '')
    expect(Buffer.from(nodeFileSystem(directory).bootId).toString('hex')).toBe(text)
  })
})

describe('node file system on a host that misbehaves', () => {
  type Step = number | string
  let steps: Step[] = []
  let calls = 0

  /** Runs the next step: a number cuts the call short at so many bytes, a string is thrown as an error code. */
  function play(run: (length: number) => number, length: number): number {
    calls++
    const step = steps.shift() ?? length
    if (typeof step === 'number') return run(Math.min(step, length))
    throw Object.assign(new Error(`${step}: scripted`), { code: step })
  }

  async function scripted(): Promise<{ system: FileSystem; file: File }> {
    vi.resetModules()
    vi.doMock('node:fs', async () => {
      const real = await vi.importActual<typeof import('node:fs')>('node:fs')
      return {
        ...real,
        writeSync: (
          descriptor: number,
          source: Uint8Array,
          start: number,
          length: number,
          position: number,
        ) => play((count) => real.writeSync(descriptor, source, start, count, position), length),
        readSync: (descriptor: number, target: Uint8Array, start: number, length: number, position: number) =>
          play((count) => real.readSync(descriptor, target, start, count, position), length),
        fdatasyncSync: () => play(() => 0, 0),
        openSync: (path: string, flags: number, mode?: number) =>
          play(() => real.openSync(path, flags, mode), 0),
      }
    })
    const module = await import('../../src/fs/node.ts')
    const system = module.nodeFileSystem(temporary)
    steps = []
    const file = await system.create('f')
    calls = 0
    return { system, file }
  }

  afterEach(() => {
    vi.doUnmock('node:fs')
    vi.resetModules()
  })

  it.each<[string, Step[], VarveErrorCode | undefined, number]>([
    ['a short write is continued once', [3], undefined, 2],
    ['a second short write means full', [3, 2], 'DISK_FULL', 2],
    ['no progress at all means full', [0, 0], 'DISK_FULL', 2],
    ['no space after a short write', [3, 'ENOSPC'], 'DISK_FULL', 2],
    ['no space at once', ['ENOSPC'], 'DISK_FULL', 1],
    ['no quota', ['EDQUOT'], 'DISK_FULL', 1],
    ['file size limit', ['EFBIG'], 'DISK_FULL', 1],
    ['interruptions do not count', ['EINTR', 3, 'EINTR', 'EINTR'], undefined, 5],
    ['a broken device', ['EIO'], 'IO', 1],
    ['a broken device after a short write', [3, 'EIO'], 'IO', 2],
  ])('write: %s', async (_, script, code, expectedCalls) => {
    const { file } = await scripted()
    steps = script
    const write = (): void => file.write(bytesOf('0123456789'), 0, 10, 0)
    if (code === undefined) write()
    else await expectCode(write, code, 'f')
    expect(calls).toBe(expectedCalls)
    if (code === undefined) expect(contentOf(file)).toBe('0123456789')
    file.close()
  })

  it('read: continues what was cut short or interrupted, reports the rest', async () => {
    const { file } = await scripted()
    append(file, '0123456789')
    steps = [1, 'EINTR', 2, 3]
    expect(contentOf(file)).toBe('0123456789')
    steps = ['EIO']
    await expectCode(() => file.read(new Uint8Array(1), 0), 'IO', 'f')
    file.close()
  })

  it('sync: is tried once', async () => {
    const { file } = await scripted()
    steps = ['EIO']
    await expectCode(() => file.sync(), 'IO', 'f')
    expect(calls).toBe(1)
    file.close()
  })

  it.each<[string, VarveErrorCode, string]>([
    ['EMFILE', 'IO', 'ulimit -n'],
    ['EACCES', 'IO', 'permission'],
    ['EROFS', 'IO', 'read-only'],
    ['ENOSPC', 'DISK_FULL', 'free some'],
    ['EWEIRD', 'IO', 'EWEIRD'],
    // Node.js with --permission.
    ['ERR_ACCESS_DENIED', 'NOT_SUPPORTED', 'the runtime does not permit it (ERR_ACCESS_DENIED: scripted)'],
  ])('open and create: %s', async (hostCode, code, advice) => {
    const { system, file } = await scripted()
    file.close()
    for (const action of [
      () => system.create('g'),
      () => system.open('f', true),
      () => system.syncDirectory(),
    ]) {
      steps = [hostCode]
      const error = await failure(action)
      expect(error).toMatchObject({ code, cause: { code: hostCode } })
      expect((error as Error).message).toContain(advice)
    }
  })
})
