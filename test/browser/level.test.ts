/** The adapter of abstract-level in browsers: its own suite on a page and in a worker of Chromium, and what users do with it in every browser. */
import { server } from 'vitest/browser'
import { afterAll, describe, expect, it } from 'vitest'
import { VarveLevel } from '../../src/level/index.ts'
import { levelSuite } from './level-suite.ts'
import type { SuiteFigures } from './level-worker.ts'

/** NOTE: less than in Node: the tests of `buffer`, and on a page those of getSync, have fewer assertions or are not there. */
const PAGE_ASSERTIONS = 4708
const WORKER_ASSERTIONS = 5168

/** More than a worker that can still count allows a test. */
const STUCK_MS = 60_000

function inWorker(): Promise<SuiteFigures> {
  const worker = new Worker(new URL('./level-worker.ts', import.meta.url), { type: 'module' })
  let begun = 'the suite'
  let stuck: ReturnType<typeof setTimeout>
  return new Promise<SuiteFigures>((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<SuiteFigures | string>) => {
      if (typeof data !== 'string') return resolve(data)
      begun = data
      clearTimeout(stuck)
      stuck = setTimeout(() => reject(new Error(`the worker hangs in: ${begun}`)), STUCK_MS)
    }
    worker.onerror = (event) => reject(new Error(event.message))
  }).finally(() => {
    clearTimeout(stuck)
    worker.terminate()
  })
}

describe('varve/level in a browser', () => {
  afterAll(() => VarveLevel.destroy('level'))

  it('is what its users know', async () => {
    const db = new VarveLevel<string, { n: number }>('level', {
      valueEncoding: 'json',
      memoryLimit: 16 << 20,
    })
    expect(db.supports).toMatchObject({ getSync: false })
    await db.batch([
      { type: 'put', key: 'a', value: { n: 1 } },
      { type: 'put', key: 'b', value: { n: 2 } },
    ])
    await db.put('c', { n: 3 })
    await db.del('a')
    const snapshot = db.snapshot()
    await db.put('b', { n: 20 })
    expect(await db.get('b', { snapshot })).toEqual({ n: 2 })
    await snapshot.close()
    expect(await db.iterator({ reverse: true }).all()).toEqual([
      ['c', { n: 3 }],
      ['b', { n: 20 }],
    ])
    expect(await db.getMany(['a', 'b'])).toEqual([undefined, { n: 20 }])
    await db.close()
    await expect(new VarveLevel('level', { errorIfExists: true }).open()).rejects.toMatchObject({
      code: 'LEVEL_DATABASE_NOT_OPEN',
    })
  })

  if (server.browser === 'chromium') {
    it("passes abstract-level's suite in a worker", { timeout: 300_000 }, async () => {
      const { assertions, failures } = await inWorker()
      console.log(`in a worker: ${assertions} assertions`)
      expect(failures).toEqual([])
      expect(assertions).toBeGreaterThanOrEqual(WORKER_ASSERTIONS)
    })
  }
})

if (server.browser === 'chromium') levelSuite('abstract-level on a page', PAGE_ASSERTIONS)
