import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, openSync } from 'node:fs'
import { mkdir, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { commandFile, failure, libraryUrl, output, temporaryPath, varve } from './support.ts'

async function database(): Promise<string> {
  const data = await temporaryPath()
  await output(['put', data, 'k', 'v', '--create'])
  return data
}

const commands = [
  ['get', 'k'],
  ['put', 'k', 'v'],
  ['delete', 'k'],
  ['scan'],
  ['count'],
  ['dump'],
  ['stat'],
  ['compact'],
]

describe('exit code 0', () => {
  it('for help and version, with examples', async () => {
    const help = await varve(['--help'])
    expect(help.exitCode).toBe(0)
    expect(help.stdout).toContain('Examples:')
    expect(help.stdout).toContain('Exit codes:')
    for (const command of [
      'get',
      'put',
      'delete',
      'scan',
      'count',
      'load',
      'import-level',
      'dump',
      'stat',
      'verify',
      'repair',
      'compact',
    ]) {
      expect(await output([command, '--help'])).toContain('$ varve ')
    }
    expect(await output(['--version'])).toMatch(/^\d+\.\d+\.\d+\n$/)
  })

  it('when the reader goes away', async () => {
    const data = await temporaryPath()
    const lines = Array.from({ length: 20_000 }, (_, at) => `{"key":"${at}","value":"${'v'.repeat(50)}"}`)
    await output(['load', data], lines.join('\n'))
    for (const command of ['scan', 'dump']) {
      const child = spawn(process.execPath, [commandFile, command, data])
      const errors: Buffer[] = []
      child.stderr.on('data', (chunk: Buffer) => errors.push(chunk))
      child.stdout.once('data', () => child.stdout.destroy())
      expect(await once(child, 'close')).toEqual([0, null])
      expect(Buffer.concat(errors).toString()).toBe('')
      expect(await output(['count', data])).toBe('20000\n')
    }
  })
})

describe('exit code 1: not found', () => {
  it.each(commands)('%s on a database that is not there, and creates nothing', async (command, ...rest) => {
    const data = await temporaryPath()
    expect(await failure(1, [command, data, ...rest])).toContain(data)
    expect(existsSync(data)).toBe(false)
  })

  it('for a keyspace or a parent directory that is not there', async () => {
    const data = await database()
    for (const [command = '', ...rest] of commands) {
      expect(await failure(1, [command, data, ...rest, '--keyspace', 'none'])).toContain('"none"')
    }
    await failure(1, ['put', join(data, 'missing', 'child'), 'k', 'v', '--create'])
  })
})

describe('exit code 2: usage', () => {
  it.each([
    [[]],
    [['frobnicate']],
    [['get']],
    [['get', 'data', 'k', 'extra']],
    [['get', 'data', 'k', '--unknown']],
    [['get', 'data', 'k', '--key-encoding', 'json']],
    [['scan', 'data', '--limit', '-1']],
    [['scan', 'data', '--limit', 'many']],
    [['load', 'data', '--format', 'xml']],
  ])('%j', async (args) => {
    const result = await varve(args)
    expect(result.exitCode).toBe(2)
    expect(result.stdout).toBe('')
    if (args.length > 0) expect(result.stderr).toMatch(/^varve: [^\n]+[.?)]\n$/)
    else expect(result.stderr).toContain('Usage: varve')
  })

  it('for names and sizes that the engine refuses', async () => {
    const data = await database()
    await failure(2, ['put', data, 'k', 'v', '--keyspace', 'n'.repeat(300), '--create'])
    await failure(2, ['get', data, 'k', '--memory-limit', '1'])
  })
})

/** Runs a program with the library in a process of its own; `database` is open in it. */
function withLibrary(data: string, program: string): ChildProcess {
  const script = `import { open } from ${JSON.stringify(libraryUrl)}
    const database = await open(${JSON.stringify(data)}, { keyEncoding: 'bytes', valueEncoding: 'bytes' })
    ${program}`
  return spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
}

/** A database whose writer was killed before it could close it, and its journal. */
async function abandonedDatabase(): Promise<{ data: string; journal: string }> {
  const data = await temporaryPath()
  const program = `for (let at = 100; at < 200; at++) await database.put(String(at), 'v'.repeat(100))
    process.kill(process.pid, 'SIGKILL')`
  await once(withLibrary(data, program), 'exit')
  const journal =
    (await readdir(data))
      .filter((name) => name.endsWith('.wal'))
      .sort()
      .at(-1) ?? ''
  return { data, journal: join(data, journal) }
}

describe('exit code 3: locked', () => {
  it('names the process that has the database open', async () => {
    const data = await database()
    const holder = withLibrary(data, "console.log('open'); setInterval(() => database, 1000)")
    try {
      await once(holder.stdout as Readable, 'data')
      for (const [command = '', ...rest] of commands) {
        expect(await failure(3, [command, data, ...rest])).toContain(String(holder.pid))
      }
      expect(await failure(3, ['load', data], '{"key":"a","value":"b"}')).toContain(String(holder.pid))
    } finally {
      holder.kill('SIGKILL')
      await once(holder, 'exit')
    }
    expect(await output(['get', data, 'k'])).toBe('v\n')
  })
})

describe('exit code 4: corrupt', () => {
  it('for damaged superblocks, and changes nothing', async () => {
    const data = await database()
    for (const name of ['superblock-a', 'superblock-b'])
      await writeFile(join(data, name), Buffer.alloc(128, 7))
    for (const [command = '', ...rest] of commands) await failure(4, [command, data, ...rest])
  })

  it('for a damaged journal, naming the file and the place', async () => {
    const { data, journal } = await abandonedDatabase()
    const bytes = await readFile(journal)
    bytes.write('damage', 2000)
    await writeFile(journal, bytes)
    for (const [command = '', ...rest] of commands) {
      const message = await failure(4, [command, data, ...rest])
      expect(message).toContain(basename(journal))
      expect(message).toMatch(/offset \d+/)
    }
    expect(await readFile(journal)).toEqual(bytes)
  })

  it('not for a log that a killed writer left incomplete: that is reported and goes on', async () => {
    const { data, journal } = await abandonedDatabase()
    await truncate(journal, (await stat(journal)).size - 50)
    const result = await varve(['count', data])
    expect(result).toMatchObject({ exitCode: 0, stdout: '99\n' })
    expect(result.stderr).toMatch(/^varve: \d+ bytes at the end of the log [^\n]+ were dropped [^\n]+\.\n$/)
    expect(await output(['count', data])).toBe('99\n')
  })

  it('for a missing file', async () => {
    const data = await database()
    await rm(join(data, 'superblock-b'))
    expect(await failure(4, ['get', data, 'k'])).toContain('superblock-b')
  })
})

describe('exit code 5: everything else', () => {
  it.skipIf(!existsSync('/dev/full'))('for output that cannot be written', async () => {
    const data = await database()
    const full = openSync('/dev/full', 'w')
    const child = spawn(process.execPath, [commandFile, 'get', data, 'k'], {
      stdio: ['ignore', full, 'pipe'],
    })
    const errors: Buffer[] = []
    child.stderr?.on('data', (chunk: Buffer) => errors.push(chunk))
    expect(await once(child, 'close')).toEqual([5, null])
    expect(Buffer.concat(errors).toString()).toMatch(/^varve: ENOSPC[^\n]+\n$/)
  })

  it('for a directory that holds something else', async () => {
    const data = await temporaryPath()
    await mkdir(data)
    await writeFile(join(data, 'letter.txt'), 'Dear reader')
    const result = await varve(['put', data, 'k', 'v', '--create'])
    expect(result.exitCode).not.toBe(0)
    expect(result.stderr).toMatch(/^varve: [^\n]+\n$/)
  })
})
