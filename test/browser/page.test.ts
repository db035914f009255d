/** Databases as pages have them, in a worker that varve starts. */
import { cdp, server } from 'vitest/browser'
import { afterEach, describe, expect, it } from 'vitest'
import {
  destroy,
  estimateStorage,
  exportDatabase,
  importDatabase,
  open,
  VarveError,
  type Database,
  type OpenOptions,
} from '../../src/browser.ts'

type Texts = Database<'utf8', 'utf8'>
type Options = OpenOptions<'utf8', 'utf8'>

const opened: Texts[] = []
const locations = new Set<string>()
const workers: Worker[] = []

async function openTexts(location: string, options: Options = {}): Promise<Texts> {
  locations.add(location)
  const db = await open(location, {
    keyEncoding: 'utf8',
    valueEncoding: 'utf8',
    memoryLimit: 32 << 20,
    ...options,
  })
  opened.push(db)
  return db
}

/** Its worker can be killed. */
function killable(): { options: Options; kill: () => void } {
  const started: Worker[] = []
  return {
    options: {
      createWorker: (source) => {
        const worker = new Worker(URL.createObjectURL(new Blob([source], { type: 'text/javascript' })))
        started.push(worker)
        return worker
      },
    },
    kill: () => started.at(-1)?.terminate(),
  }
}

async function codeOf(step: () => unknown): Promise<string> {
  try {
    await step()
  } catch (error) {
    return error instanceof VarveError ? error.code : String(error)
  }
  return 'nothing was thrown'
}

/** A scenario in a worker of the test's own. */
function inWorker(scenario: string): Promise<unknown> {
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' })
  workers.push(worker)
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<{ result?: unknown; error?: string }>) =>
      data.error === undefined ? resolve(data.result) : reject(new Error(data.error))
    worker.onerror = (event) => reject(new Error(event.message))
    worker.postMessage(scenario)
  })
}

afterEach(async () => {
  for (const db of opened.splice(0)) await db.close().catch(() => undefined)
  for (const worker of workers.splice(0)) worker.terminate()
  for (const location of locations) await destroy(location)
  locations.clear()
})

describe('a database on a page', () => {
  it('does what one in Node does, and keeps it', async () => {
    const db = await openTexts('page')
    expect(db.recovery.isNew).toBe(true)
    await db.put('a', '1')
    await db.batch().put('b', '2').put('c', '3').delete('a').commit()
    const snapshot = db.snapshot()
    await db.put('b', 'newer', { durability: 'sync' })
    expect(await snapshot.get('b')).toBe('2')
    snapshot.close()
    expect(await db.range({ reverse: true }).toArray()).toEqual([
      ['c', '3'],
      ['b', 'newer'],
    ])
    await db.close()
    const again = await openTexts('page')
    expect(again.recovery.isNew).toBeUndefined()
    expect(await again.getMany(['a', 'b', 'c'])).toEqual([undefined, 'newer', '3'])
    expect(await codeOf(() => openTexts('page', { errorIfExists: true }))).toBe('EXISTS')
  })

  it('holds more than its memory', async () => {
    const db = await openTexts('page-bulk', { memoryLimit: 16 << 20 })
    const entries = 100_000
    const value = (i: number): string => `value ${i} `.padEnd(100, `${i % 97}`)
    for (let i = 0; i < entries; i += 1000) {
      const batch = db.batch()
      for (let j = i; j < i + 1000; j++) batch.put(`key ${(j * 7919) % entries}`, value(j))
      await batch.commit()
    }
    const progress: number[] = []
    await db.compact({ onProgress: ({ doneBytes }) => progress.push(doneBytes) })
    expect(progress.length).toBeGreaterThan(0)
    const found = await Promise.all(
      Array.from({ length: 1000 }, (_, i) => db.get(`key ${(i * 97 * 7919) % entries}`)),
    )
    expect(found).toEqual(Array.from({ length: 1000 }, (_, i) => value((i * 97) % entries)))
    expect(await db.count()).toBe(entries)
    expect(await db.verify()).toMatchObject({ problems: [] })
    let scanned = 0
    for await (const key of db.keys()) scanned += Number(key.startsWith('key '))
    expect(scanned).toBe(entries)
  })

  it('refuses what cannot be, with type and code', async () => {
    expect(await codeOf(() => openTexts('nowhere', { createIfMissing: false }))).toBe('NOT_FOUND')
    expect(await codeOf(() => openTexts('no/where'))).toBe('NOT_FOUND')
    expect(await codeOf(() => open('../up'))).toMatch(/^TypeError/)
    expect(await codeOf(() => openTexts('x', { memoryLimit: 1 }))).toMatch(/^RangeError/)
    for (const made of [undefined, null, {}, 'worker'])
      expect(await codeOf(() => openTexts('x', { createWorker: () => made as Worker }))).toBe(
        'TypeError: createWorker must return a Worker',
      )
    expect(await codeOf(() => openTexts('x', { createWorker: () => new Worker('data:,throw+1') }))).toBe(
      'NOT_SUPPORTED',
    )
    const db = await openTexts('refusing')
    expect(await codeOf(() => db.putSync('a', '1'))).toBe('NOT_SUPPORTED')
    expect(await codeOf(() => destroy('refusing'))).toBe('LOCKED')
    await db.close()
    expect(await codeOf(() => db.get('a'))).toBe('CLOSED')
  })

  it('is LOCKED while a worker of the user has it', async () => {
    expect(await inWorker('hold')).toBe('held')
    expect(await codeOf(() => openTexts('held'))).toBe('LOCKED')
    workers[0]?.terminate()
    const db = await openTexts('held')
    expect(await db.get('a')).toBe('1')
  })

  it('is exported, and imported again', async () => {
    const db = await openTexts('exported')
    for (let i = 0; i < 1000; i++) void db.put(`key ${i}`, `value ${i}`)
    await db.flush()
    expect(await codeOf(() => exportDatabase('exported'))).toBe('LOCKED')
    await db.close()
    const archive = await new Response(await exportDatabase('exported')).blob()
    locations.add('imported')
    await importDatabase('imported', archive.stream())
    const copy = await openTexts('imported')
    expect(await copy.count()).toBe(1000)
    expect(await copy.get('key 7')).toBe('value 7')
    await copy.close()
    expect(await codeOf(() => importDatabase('imported', archive.stream()))).toBe('EXISTS')
    expect(await codeOf(() => importDatabase('other', new Blob(['no archive']).stream()))).toBe('CORRUPT')
    await destroy('other')
  })

  it('tells an evicted database from a new one', async () => {
    const db = await openTexts('evicted')
    await db.close()
    const root = await navigator.storage.getDirectory()
    await root.removeEntry('evicted', { recursive: true })
    const again = await openTexts('evicted')
    expect(again.recovery).toMatchObject({ isNew: true, wasEvicted: true })
    await again.close()
    await destroy('evicted')
    const fresh = await openTexts('evicted')
    expect(fresh.recovery.wasEvicted).toBeUndefined()
  })

  it('knows how much is stored', async () => {
    const { usageBytes, quotaBytes } = (await estimateStorage()) ?? { usageBytes: 0, quotaBytes: 0 }
    expect(quotaBytes).toBeGreaterThan(usageBytes)
  })

  // NOTE: Firefox has no way to make the quota small.
  if (server.browser === 'chromium') {
    it('says DISK_FULL when the quota is used up, and loses nothing', async () => {
      const db = await openTexts('quota')
      await db.put('before', '1')
      const { usageBytes = 0 } = (await estimateStorage()) ?? {}
      const quota = cdp() as unknown as { send(name: string, options: object): Promise<void> }
      await quota.send('Storage.overrideQuotaForOrigin', {
        origin: location.origin,
        quotaSize: usageBytes + (8 << 20),
      })
      let acknowledged = 0
      try {
        const value = 'x'.repeat(100_000)
        const code = await codeOf(async () => {
          for (; acknowledged < 1000; acknowledged++) await db.put(`key ${acknowledged}`, value)
        })
        expect(code).toBe('DISK_FULL')
        expect(acknowledged).toBeGreaterThan(0)
      } finally {
        await quota.send('Storage.overrideQuotaForOrigin', { origin: location.origin })
      }
      await db.close().catch(() => undefined)
      const again = await openTexts('quota')
      expect(await again.get('before')).toBe('1')
      expect(await again.count({ prefix: 'key' })).toBeGreaterThanOrEqual(acknowledged)
      await again.put('after', '1')
    })
  }
})

describe('several tabs', () => {
  it('share a database; the next takes over when the one that has it closes', async () => {
    const first = await openTexts('tabs')
    const second = await openTexts('tabs')
    const third = await openTexts('tabs')
    await first.put('a', '1')
    await second.put('b', '2')
    expect(await third.range().toArray()).toEqual([
      ['a', '1'],
      ['b', '2'],
    ])
    const writes = Array.from({ length: 50 }, (_, i) => second.put(`w ${i}`, `${i}`))
    const closing = first.close()
    await Promise.all([...writes, closing])
    await third.put('c', '3')
    expect(await second.get('c')).toBe('3')
    expect(await second.count({ prefix: 'w' })).toBe(50)
    await second.close()
    expect(await third.count()).toBe(53)
    expect(await codeOf(() => second.get('a'))).toBe('CLOSED')
  })

  it('lose nothing that was acknowledged when the worker that has it is killed', async () => {
    const victim = killable()
    const first = await openTexts('killed', victim.options)
    const second = await openTexts('killed')
    let acknowledged = -1
    const write = async (db: Texts, from: number): Promise<number> => {
      for (let i = from; ; i++) {
        const code = await codeOf(() => db.put(`key ${String(i).padStart(6, '0')}`, `${i}`))
        if (code !== 'nothing was thrown') return i
        acknowledged = i
      }
    }
    const writing = write(second, 0)
    setTimeout(victim.kill, 200)
    const failed = await writing
    expect(failed).toBeGreaterThan(0)
    const keys = await second.keys().toArray()
    expect(keys.length).toBeGreaterThanOrEqual(acknowledged + 1)
    // The page whose worker was killed goes on, too.
    await first.put('from the first', '1')
    expect(await second.get('from the first')).toBe('1')
  })

  it('go on when the only worker is killed', async () => {
    const victim = killable()
    const db = await openTexts('alone', victim.options)
    await db.put('a', '1')
    victim.kill()
    expect(await db.get('a')).toBe('1')
    await db.put('b', '2')
    expect(await db.count()).toBe(2)
  })

  it('are refused where a page wants it alone', async () => {
    await openTexts('alone-here')
    expect(await codeOf(() => openTexts('alone-here', { multiTab: false }))).toBe('LOCKED')
    expect(await codeOf(() => openTexts('alone-here', { errorIfExists: true }))).toBe('EXISTS')
    const other = await openTexts('alone-there', { multiTab: false })
    expect(await codeOf(() => openTexts('alone-there', { multiTab: false }))).toBe('LOCKED')
    expect(await codeOf(() => openTexts('alone-there'))).toBe('LOCKED')
    await other.close()
    const next = await openTexts('alone-there', { multiTab: false })
    await next.put('a', '1')
  })

  it('go on when another one is closed in the middle of its work', async () => {
    const first = await openTexts('working')
    const second = await openTexts('working')
    expect(second.recovery.isNew).toBeUndefined()
    for (let i = 0; i < 20_000; i++) void first.put(`key ${i}`, 'x'.repeat(100))
    await first.flush()
    const work = [codeOf(() => second.verify()), codeOf(() => second.compact()), codeOf(() => second.count())]
    const late = second.put('late', '1')
    await second.close()
    await Promise.all(work)
    await late
    expect(await first.get('late')).toBe('1')
    expect(await first.count()).toBe(20_001)
  })

  it('keep what a page asks for, whoever has the database', async () => {
    const first = await openTexts('durabilities', { durability: 'buffered' })
    const second = await openTexts('durabilities', { durability: 'sync' })
    await second.put('a', '1')
    expect(await first.get('a')).toBe('1')
    await second.close()
    await first.close()
    const none = await openTexts('durabilities', { durability: 'none' })
    expect(await codeOf(() => openTexts('durabilities'))).toBe('LOCKED')
    await none.close()
  })

  it('let go of the files while they are frozen, and go on afterwards', async () => {
    const first = await openTexts('frozen')
    const second = await openTexts('frozen')
    await first.put('a', '1')
    document.dispatchEvent(new Event('freeze'))
    await new Promise((resolve) => setTimeout(resolve, 200))
    // Nobody has it: a worker of the user's own can.
    expect(await inWorker('frozen')).toBe('1')
    const writes = [first.put('b', '2'), second.put('c', '3')]
    document.dispatchEvent(new Event('resume'))
    await Promise.all(writes)
    expect(await second.keys().toArray()).toEqual(['a', 'b', 'c'])
  })

  it('begin again and again', async () => {
    const db = await openTexts('reloaded')
    for (let i = 0; i < 10; i++) {
      const tab = await openTexts('reloaded')
      await tab.put(`${i}`, 'x')
      expect(await db.count()).toBe(i + 1)
      await tab.close()
    }
  })
})
