/** Random steps on a page against a Map: what is read must be what the Map has, whoever serves meanwhile. */
import { describe, expect, it } from 'vitest'
import { memoryFileSystem } from '../../src/fs/memory.ts'
import { mulberry32, pick } from '../support/random.ts'
import { openPair } from './pair.ts'

const STEPS = 400

describe.each([false, true])('a page against a model, shared memory: %s', (sharesMemory) => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8])('seed %i', async (seed) => {
    const random = mulberry32(seed)
    const pair = await openPair(undefined, memoryFileSystem(), sharesMemory)
    const { page: db } = pair
    const model = new Map<string, string>()
    const key = (): string => `k${pick(random, 60)}`
    const inOrder = (reverse: boolean): [string, string][] => {
      const entries = [...model].sort(([a], [b]) => (a < b ? -1 : 1))
      return reverse ? entries.reverse() : entries
    }
    let open: { entries: [string, string][]; read: () => Promise<unknown> } | undefined
    for (let step = 0; step < STEPS; step++) {
      const what = pick(random, 100)
      if (what < 30) {
        const k = key()
        const v = `${step} ${'v'.repeat(pick(random, 200))}`
        model.set(k, v)
        await db.put(k, v)
      } else if (what < 40) {
        const k = key()
        model.delete(k)
        await db.delete(k)
      } else if (what < 55) {
        const batch = db.batch()
        for (let i = pick(random, 30); i >= 0; i--) {
          const k = key()
          if (random() < 0.3) {
            batch.delete(k)
            model.delete(k)
          } else {
            batch.put(k, `${step}.${i}`)
            model.set(k, `${step}.${i}`)
          }
        }
        await batch.commit()
      } else if (what < 70) {
        const keys = Array.from({ length: 1 + pick(random, 20) }, key)
        const found = await Promise.all(keys.map((k) => db.get(k)))
        expect(found).toEqual(keys.map((k) => model.get(k)))
      } else if (what < 80) {
        const reverse = random() < 0.5
        const limit = pick(random, 80)
        const found = await db.range({ reverse, limit }).toArray()
        expect(found).toEqual(inOrder(reverse).slice(0, limit))
      } else if (what < 85) {
        const snapshot = db.snapshot()
        open = { entries: inOrder(false), read: () => snapshot.range().toArray() }
      } else if (what < 90) {
        if (open !== undefined) expect(await open.read()).toEqual(open.entries)
      } else if (what < 93) await db.flush()
      else if (what < 95) await db.compact()
      else if (what < 97) {
        const gte = key()
        const lt = key()
        for (const k of [...model.keys()]) if (k >= gte && k < lt) model.delete(k)
        await db.dropRange({ gte, lt })
      } else {
        await pair.leave()
        await pair.succeed()
        open = undefined
      }
    }
    expect(await db.range().toArray()).toEqual(inOrder(false))
    expect(await db.count()).toBe(model.size)
    await db.close()
  })
})
