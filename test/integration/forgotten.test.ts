/** What a program forgets without closing it is released when it is collected as garbage. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

let root = ''
let scripts = 0
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'varve-garbage-'))
})
afterAll(() => rm(root, { recursive: true, force: true }))

const PROLOGUE = `
  const options = { memoryLimit: 16777216, keyEncoding: 'utf8', valueEncoding: 'utf8' }
  /** Collects garbage until the condition holds, for ten seconds at most. */
  async function until(condition) {
    for (let i = 0; i < 2000; i++) {
      gc()
      await new Promise((resolve) => setTimeout(resolve, 5))
      if (await condition()) return
    }
    throw new Error('still not so: ' + condition)
  }
  async function filled() {
    const db = await open(directory, options)
    for (let i = 0; i < 200; i++) db.putSync('k' + i, 'v'.repeat(100))
    // The first snapshot takes a page for the registry, for good.
    db.snapshot().close()
    return db
  }
  function same(actual, expected) {
    if (actual !== expected) throw new Error(actual + ' instead of ' + expected)
  }`

interface Ran {
  readonly printed: unknown
  /** Codes of the warnings, in the order they came. */
  readonly warnings: string[]
}

/** Runs a script that has `open`, `directory` and what is above, and prints JSON. */
async function run(script: string): Promise<Ran> {
  const source = `
    import { open } from ${JSON.stringify(pathToFileURL('dist/index.js').href)}
    const directory = ${JSON.stringify(join(root, String(scripts++)))}
    ${PROLOGUE}
    ${script}`
  const { stdout, stderr } = await promisify(execFile)(
    process.execPath,
    ['--expose-gc', '--input-type=module', '-e', source],
    { timeout: 60_000 },
  )
  return {
    printed: stdout === '' ? undefined : JSON.parse(stdout),
    warnings: [...stderr.matchAll(/\[(VARVE_\w+)\]/g)].map(([, code]) => code as string),
  }
}

describe('forgotten iterators', () => {
  it('give back their pages, with one warning', async () => {
    const { warnings } = await run(`
      const db = await filled()
      const before = db.stats().memoryFreeBytes
      let most = 0
      async function forget() {
        for (let i = 0; i < 10000; i++) {
          // Some never begun, some at their first entry, some at the end of a short range but not past it.
          const range = i % 2 ? db.rangeSync() : db.range({ prefix: 'k1', slices: i % 4 === 0, limit: i % 10 })
          if (i % 3) await range.next()
          if (i % 50 === 0) await until(() => true)
          most = Math.max(most, db.stats().openReads)
        }
      }
      await forget()
      await until(() => db.stats().openReads === 0)
      same(db.stats().memoryFreeBytes, before)
      if (most < 20) throw new Error('they were never open: ' + most)
      await db.close()`)
    expect(warnings).toEqual(['VARVE_FORGOTTEN_ITERATOR'])
  })

  it('end in one turn of a script too', async () => {
    const { warnings } = await run(`
      const db = await filled()
      const before = db.stats().memoryFreeBytes
      for (let i = 0; i < 60; i++) db.rangeSync().next()
      if (db.stats().memoryFreeBytes > before - 60 * 131072) throw new Error('they hold no pages')
      await until(() => db.stats().openReads === 0)
      same(db.stats().memoryFreeBytes, before)`)
    expect(warnings).toEqual(['VARVE_FORGOTTEN_ITERATOR'])
  })

  it('make the slices stale that outlive them', async () => {
    const { printed } = await run(`
      const db = await filled()
      const [key, value] = db.rangeSync({ slices: true }).next().value
      same(String(key), 'k0')
      await until(() => db.stats().openReads === 0)
      try { console.log(JSON.stringify(value.toString())) } catch (error) { console.log(JSON.stringify(error.code)) }`)
    expect(printed).toBe('STALE_SLICE')
  })

  it('are none where iterators end, by loops, returns and errors', async () => {
    const { warnings } = await run(`
      const db = await filled()
      for (let i = 0; i < 300; i++) {
        for (const _ of db.rangeSync()) for (const _ of db.keysSync({ limit: 3 })) ;
        for await (const _ of db.values()) break
        const range = db.rangeSync()
        range.next()
        await null
        range.return()
        db.firstSync()
        await db.count()
        db.snapshot().close()
      }
      same(db.stats().openReads, 0)
      await db.close()
      await until(() => true)
      await until(() => true)`)
    expect(warnings).toEqual([])
  })

  it('go on as long as somebody has them', async () => {
    const { warnings } = await run(`
      const range = (await filled()).rangeSync()
      for (let i = 0; i < 20; i++) {
        range.next()
        await until(() => true)
      }
      same([...range].length, 180)`)
    expect(warnings).not.toContain('VARVE_FORGOTTEN_ITERATOR')
  })
})

describe('forgotten snapshots', () => {
  it('end, with one warning', async () => {
    const { warnings } = await run(`
      const db = await filled()
      const kept = db.snapshot()
      for (let i = 0; i < 100; i++) db.snapshot().getSync('k1')
      const at = db.at(db.snapshot())
      same(db.stats().openReads, 102)
      await until(() => db.stats().openReads === 2)
      same(at.getSync('k1').length, 100)
      kept.close()`)
    expect(warnings).toEqual(['VARVE_FORGOTTEN_SNAPSHOT'])
  })
})

describe('a forgotten database', () => {
  it('gives its lock back, and what was buffered reached the system', async () => {
    const { printed, warnings } = await run(`
      await (async () => {
        const db = await open(directory, { ...options, durability: 'buffered', flushInterval: 100000000 })
        await db.put('a', '1')
        db.putSync('b', '2')
        db.put('c', '3')
        const users = await db.keyspace('users')
        users.putSync('x', 'y')
        db.snapshot()
        db.rangeSync().next()
      })()
      let again
      await until(() => open(directory, options).then((db) => (again = db), () => undefined))
      console.log(JSON.stringify([[...again.rangeSync()], again.keyspaces()]))`)
    expect(printed).toEqual([
      [
        ['a', '1'],
        ['b', '2'],
        ['c', '3'],
      ],
      ['users'],
    ])
    expect(warnings).toContain('VARVE_FORGOTTEN_DATABASE')
    expect(new Set(warnings).size).toBe(warnings.length)
  })

  const handles: Record<string, [make: string, use: string]> = {
    'a keyspace': [`await db.keyspace('users')`, `handle.putSync('a', 'b')`],
    'a snapshot': [`db.snapshot()`, `handle.getSync('k1')`],
    'a range': [`db.rangeSync()`, `handle.next()`],
    'a batch': [`db.batch().put('a', 'b')`, `handle.commitSync()`],
    'reads of a snapshot': [`db.at(db.snapshot())`, `handle.getSync('k1')`],
  }
  for (const [name, [make, use]] of Object.entries(handles)) {
    it(`is not forgotten while there is ${name} of it`, async () => {
      const { warnings } = await run(`
        const handle = await (async () => {
          const db = await filled()
          return ${make}
        })()
        for (let i = 0; i < 8; i++) await until(() => true)
        ${use}`)
      expect(warnings).toEqual([])
    })
  }

  it('is none when it was closed', async () => {
    const { warnings } = await run(`
      for (let i = 0; i < 5; i++) await (await filled()).close()
      for (let i = 0; i < 8; i++) await until(() => true)`)
    expect(warnings).toEqual([])
  })

  // Found on Node.js 26, which collects garbage more often.
  it('is none while it is closing', async () => {
    const { warnings } = await run(`
      const collector = setInterval(gc, 0)
      for (let i = 0; i < 20; i++) await (await filled()).close()
      clearInterval(collector)`)
    expect(warnings).toEqual([])
  })
})
