/** A script that forgets close() ends by itself, with everything it wrote in the operating system's hands. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { open } from '../../src/index.ts'

let root = ''
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'varve-forgotten-'))
})
afterAll(() => rm(root, { recursive: true, force: true }))

/** Runs a script that has `open` and `directory`; it must end with exit code 0. @returns what the database holds then. */
async function after(name: string, script: string): Promise<Record<string, string>> {
  const directory = join(root, name)
  const source = `
    import { open } from ${JSON.stringify(pathToFileURL('dist/index.js').href)}
    const directory = ${JSON.stringify(directory)}
    ${script}`
  const began = Date.now()
  await promisify(execFile)(process.execPath, ['--input-type=module', '-e', source], { timeout: 20_000 })
  expect(Date.now() - began).toBeLessThan(10_000)
  const database = await open(directory, { createIfMissing: false })
  const text = new TextDecoder()
  const found = [...database.rangeSync()].map(([key, value]) => [text.decode(key), text.decode(value)])
  await database.close()
  return Object.fromEntries(found) as Record<string, string>
}

// Long enough for no timer to help: what reaches the system does so because the process ends.
const options = `{ durability: 'buffered', flushInterval: 60000 }`

describe('a script that forgets close()', () => {
  it('ends with a background thread, too', async () => {
    const found = await after(
      'background',
      `const database = await open(directory, ${options})
       await database.put('a', '1')
       await database.flush()
       await database.put('b', '2')
       database.putSync('c', '3')`,
    )
    expect(found).toEqual({ a: '1', b: '2', c: '3' })
  })

  it('burns nothing while it is idle, with a background thread and a monitor', async () => {
    const found = await after(
      'at-rest',
      `const database = await open(directory)
       await database.put('a', '1')
       await database.share()
       await database.flush()
       await new Promise((resolve) => setTimeout(resolve, 1500))
       const before = process.cpuUsage()
       await new Promise((resolve) => setTimeout(resolve, 2000))
       const { user, system } = process.cpuUsage(before)
       await database.put('cpu', String((user + system) / 1000))`,
    )
    // Milliseconds of two seconds.
    expect(Number(found['cpu'])).toBeLessThan(10)
  })

  it('keeps acknowledged buffered writes', async () => {
    const found = await after(
      'buffered',
      `const database = await open(directory, ${options})
       await database.put('a', '1')
       database.putSync('b', '2')`,
    )
    expect(found).toEqual({ a: '1', b: '2' })
  })

  it('keeps writes nobody awaited', async () => {
    const found = await after(
      'staged',
      `const database = await open(directory, ${options})
       for (let i = 0; i < 5; i++) database.put('k' + i, 'v' + i)
       database.batch().put('c', '3').commit()`,
    )
    expect(found).toEqual({ k0: 'v0', k1: 'v1', k2: 'v2', k3: 'v3', k4: 'v4', c: '3' })
  })

  it('keeps both when it calls process.exit()', async () => {
    const found = await after(
      'exit',
      `const database = await open(directory, ${options})
       await database.put('a', '1')
       database.put('b', '2')
       process.exit()`,
    )
    expect(found).toEqual({ a: '1', b: '2' })
  })

  it('ends with an iterator and a snapshot open', async () => {
    const found = await after(
      'iterator',
      `const database = await open(directory)
       await database.put('a', '1')
       await database.put('b', '2')
       const snapshot = database.snapshot()
       await database.range({ snapshot })[Symbol.asyncIterator]().next()`,
    )
    expect(found).toEqual({ a: '1', b: '2' })
  })

  it('ends soon when it was only opened', async () => {
    expect(await after('idle', `await open(directory)`)).toEqual({})
  })
})
