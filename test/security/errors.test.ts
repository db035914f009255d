/** Errors carry no keys and no values: every public call is made to fail with a key and a value that are easy to recognise. */
import { describe, expect, it } from 'vitest'
import type { Database } from '../../src/api/database.ts'
import type { Keyspace } from '../../src/api/keyspace.ts'
import { openOn } from '../../src/api/open.ts'
import type { AsyncRange } from '../../src/api/range.ts'
import { FaultyFileSystem } from '../support/faulty.ts'
import { VarveLevel } from '../../src/level/index.ts'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const KEY = 'Kq7zSecretKey'
const VALUE = 'Vx9wSecretValue'
const TEXT = { keyEncoding: 'utf8', valueEncoding: 'utf8' } as const
const options = { memoryLimit: 16 * 1024 * 1024, threads: 0, ...TEXT } as const

/** The forms in which bytes get into messages. */
function formsOf(text: string): string[] {
  const bytes = Buffer.from(text)
  const part = bytes.subarray(2, 10)
  return [
    text,
    text.slice(4),
    bytes.toString('hex'),
    bytes.toString('base64'),
    part.join(','),
    part.join(', '),
  ]
}
const forbidden = [KEY, VALUE].flatMap(formsOf)

/** All text that an error shows: message, stack, own properties, causes. */
function textsOf(error: unknown, seen = new Set<unknown>()): string[] {
  if (typeof error !== 'object' || error === null) return [String(error)]
  if (seen.has(error)) return []
  seen.add(error)
  return Object.getOwnPropertyNames(error).flatMap((name) => [
    name,
    ...textsOf((error as Record<string, unknown>)[name], seen),
  ])
}

function expectDiscreet(error: unknown): void {
  expect(error).toBeInstanceOf(Error)
  const shown = textsOf(error).join('\n')
  for (const form of forbidden) expect(shown).not.toContain(form)
}

type Step = () => unknown

/** @returns how many of the steps failed */
async function run(steps: readonly Step[]): Promise<number> {
  let failed = 0
  for (const step of steps) {
    try {
      const result: unknown = await step()
      const { [Symbol.iterator]: sync, toArray } = Object(result) as Partial<
        AsyncRange<unknown> & Iterable<unknown>
      >
      if (toArray !== undefined) await toArray.call(result)
      else if (sync !== undefined) Array.from(result as Iterable<unknown>)
    } catch (error) {
      failed++
      expectDiscreet(error)
    }
  }
  return failed
}

/** Every call of a keyspace that takes a key or a value. */
function callsOn(
  db: Database<'utf8', 'utf8'>,
  keyspace: Keyspace<'utf8', 'utf8'>,
  key: string,
  value: string,
): Step[] {
  const bounds = { gte: key, lte: key }
  return [
    () => keyspace.putSync(key, value),
    () => keyspace.put(key, value),
    () => keyspace.put(key, value, { durability: 'sync' }),
    () => keyspace.deleteSync(key),
    () => keyspace.delete(key),
    () => keyspace.deleteWeakSync(key),
    () => keyspace.deleteWeak(key),
    () => keyspace.getSync(key),
    () => keyspace.get(key),
    () => keyspace.getManySync([key]),
    () => keyspace.getMany([key]),
    () => keyspace.hasSync(key),
    () => keyspace.has(key),
    () => keyspace.sizeOfSync(key),
    () => keyspace.sizeOf(key),
    () => keyspace.getSlice(key),
    () => keyspace.rangeSync(bounds),
    () => keyspace.range(bounds),
    () => keyspace.keysSync({ prefix: key }),
    () => keyspace.values({ gt: key }),
    () => keyspace.firstSync(bounds),
    () => keyspace.last(bounds),
    () => keyspace.countSync(bounds),
    () => keyspace.count(bounds),
    () => keyspace.isEmptySync(bounds),
    () => keyspace.approximateCount(bounds),
    () => keyspace.approximateSize(bounds),
    () => keyspace.dropRangeSync(bounds),
    () => keyspace.dropRange(bounds),
    () => keyspace.compactSync(bounds),
    () => keyspace.compact(bounds),
    () => db.batch().put(keyspace, key, value).commitSync(),
    () => db.batch().delete(keyspace, key).commit(),
    () => db.writeSync([{ type: 'put', keyspace, key, value }]),
    () => db.write([{ type: 'put', keyspace, key, value }]),
  ]
}

describe('errors show no key and no value', () => {
  it('of a wrong type or too long', async () => {
    const db = await openOn(new FaultyFileSystem(), options)
    const cyclic: Record<string, unknown> = { [VALUE]: KEY }
    cyclic[KEY] = cyclic
    const strange: unknown[] = [
      { [KEY]: VALUE },
      { constructor: { name: KEY } },
      JSON.parse(`{"constructor":{"name":"${KEY}"},"__proto__":{"constructor":"${VALUE}"}}`),
      Object.create(null, { [KEY]: { value: VALUE, enumerable: true } }),
      [KEY, VALUE],
      Symbol(KEY),
      new Map([[KEY, VALUE]]),
      cyclic,
      KEY.repeat(6000),
    ]
    for (const bad of strange) {
      const text = bad as string
      expect(await run(callsOn(db, db, text, VALUE))).toBeGreaterThan(20)
      expect(await run([() => db.putSync(KEY, text.length > 9 ? text.repeat(200) : text)])).toBe(1)
    }
    await db.close()
  })

  it('of a closed database and a dropped keyspace', async () => {
    const db = await openOn(new FaultyFileSystem(), options)
    const dropped = await db.keyspace('gone', TEXT)
    dropped.putSync(KEY, VALUE)
    const snapshot = db.snapshot()
    await db.dropKeyspace('gone')
    expect(await run(callsOn(db, dropped, KEY, VALUE))).toBeGreaterThan(30)
    snapshot.close()
    await db.close()
    const calls = callsOn(db, db, KEY, VALUE)
    expect(await run(calls)).toBe(calls.length)
  })

  it('of a disk that is full, or fails', async () => {
    for (const error of ['ENOSPC', 'EIO'] as const) {
      const files = new FaultyFileSystem()
      const db = await openOn(files, options)
      db.putSync(KEY, VALUE)
      await db.flush()
      files.onOperation = () => ({ error })
      expect(await run(callsOn(db, db, KEY, VALUE))).toBeGreaterThan(10)
      const background = db.stats().backgroundError ?? ''
      for (const form of forbidden) expect(background).not.toContain(form)
      files.onOperation = undefined
      await db.close().catch(expectDiscreet)
    }
  })

  it('of damaged files, in reads and in the report of verify()', async () => {
    const files = new FaultyFileSystem()
    const db = await openOn(files, options)
    for (let i = 0; i < 200; i++) db.putSync(`${KEY}${i}`, VALUE.repeat(10))
    await db.flush()
    await db.close()
    const [table = ''] = [...files.snapshotFiles().keys()].filter((name) => name.endsWith('.sst'))
    const bytes = files.snapshotFiles().get(table) ?? new Uint8Array()
    let problems = 0
    for (let at = 70; at < bytes.length; at += 613) {
      const damaged = FaultyFileSystem.fromFiles(files.snapshotFiles())
      damaged.flipBits(table, at)
      const reopened = await openOn(damaged, options).catch(expectDiscreet)
      if (reopened === undefined) continue
      problems += await run(callsOn(reopened, reopened, `${KEY}7`, VALUE))
      const report = await reopened.verify()
      problems += report.problems.length
      for (const form of forbidden) expect(JSON.stringify(report)).not.toContain(form)
      await reopened.close().catch(expectDiscreet)
    }
    expect(problems).toBeGreaterThan(20)
  })

  it('of JSON that cannot be written or read', async () => {
    const db = await openOn(new FaultyFileSystem(), { ...options, valueEncoding: 'json' })
    const cyclic: Record<string, unknown> = { [VALUE]: KEY }
    cyclic[KEY] = cyclic
    expect(await run([() => db.putSync(KEY, cyclic), () => db.putSync(KEY, { [KEY]: 1n })])).toBe(2)
    db.withEncodings(TEXT).putSync(KEY, `${VALUE} is no JSON`)
    expect(
      await run([() => db.getSync(KEY), () => db.get(KEY), () => db.rangeSync(), () => db.getMany([KEY])]),
    ).toBe(4)
    await db.close()
  })

  it('behind abstract-level', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'varve-errors-'))
    const level = new VarveLevel<string, string>(join(directory, 'db'))
    await level.open()
    await level.put(KEY, VALUE)
    expect(await run([() => level.put(KEY.repeat(6000), VALUE), () => level.del(KEY.repeat(6000))])).toBe(2)
    await level.close()
    expect(
      await run([
        () => level.put(KEY, VALUE),
        () => level.get(KEY),
        () => level.del(KEY),
        () => level.getMany([KEY]),
        () => level.batch([{ type: 'put', key: KEY, value: VALUE }]),
      ]),
    ).toBe(5)
    rmSync(directory, { recursive: true })
  })
})
