/** What a user does with a database in a worker. Each scenario returns what the test expects to see, as plain data. */
import { destroy, open, VarveError, type Database } from '../../src/browser.ts'

type Texts = Database<'utf8', 'utf8'>

function openTexts(location: string, options: object = {}): Promise<Texts> {
  return open(location, { keyEncoding: 'utf8', valueEncoding: 'utf8', memoryLimit: 32 << 20, ...options })
}

async function codeOf(step: () => unknown): Promise<string> {
  try {
    await step()
  } catch (error) {
    return error instanceof VarveError ? error.code : String(error)
  }
  return 'nothing was thrown'
}

export const SCENARIOS: Readonly<Record<string, () => Promise<unknown>>> = {
  async basics() {
    await destroy('basics')
    const db = await openTexts('basics')
    db.putSync('a', '1')
    await db.put('b', '2')
    await db.batch().put('c', '3').delete('a').commit()
    const snapshot = db.snapshot()
    db.putSync('b', 'newer')
    const seen = {
      a: db.getSync('a'),
      b: await db.get('b'),
      before: db.getSync('b', { snapshot }),
      range: [...db.rangeSync({ gte: 'b' })],
      reverse: await db.range({ reverse: true }).toArray(),
      slice: db.getSlice('c')?.toString(),
    }
    snapshot.close()
    await db.close()
    const again = await openTexts('basics')
    const kept = [...again.rangeSync()]
    await again.close()
    return { ...seen, kept }
  },

  /** More than memory holds, through flushes and compactions, and all of it checked. */
  async bulk() {
    await destroy('bulk')
    const entries = 200_000
    const value = (i: number): string => `value ${i} `.padEnd(100, `${i % 97}`)
    const db = await openTexts('bulk')
    for (let i = 0; i < entries; i += 1000) {
      const batch = db.batch()
      for (let j = i; j < i + 1000; j++) batch.put(`key ${(j * 7919) % entries}`, value(j))
      await batch.commit()
    }
    await db.compact()
    const stats = db.stats()
    await db.close()
    const again = await openTexts('bulk')
    let wrong = 0
    for (let j = 0; j < entries; j += 13)
      if ((await again.get(`key ${(j * 7919) % entries}`)) !== value(j)) wrong++
    const counted = again.countSync()
    const { problems } = await again.verify()
    await again.close()
    await destroy('bulk')
    return { wrong, counted, problems, hasTables: JSON.stringify(stats).length > 0 }
  },

  async durable() {
    await destroy('durable')
    const db = await openTexts('durable')
    for (let i = 0; i < 20; i++) await db.put(`${i}`, 'x', { durability: 'sync' })
    await db.persist('sync')
    await db.close()
    const again = await openTexts('durable')
    const count = again.countSync()
    await again.close()
    return count
  },

  async owners() {
    await destroy('owned')
    const db = await openTexts('owned')
    const second = await codeOf(() => openTexts('owned'))
    const destroyed = await codeOf(() => destroy('owned'))
    await db.close()
    const missing = await codeOf(() => openTexts('nowhere', { createIfMissing: false }))
    const nested = await codeOf(() => openTexts('no/where'))
    await destroy('owned')
    const root = await navigator.storage.getDirectory()
    const names: string[] = []
    for await (const name of root.keys()) if (name === 'owned' || name === 'nowhere') names.push(name)
    return { second, destroyed, missing, nested, names }
  },

  /** Has it open until the worker ends. */
  async hold() {
    await destroy('held')
    const db = await openTexts('held')
    db.putSync('a', '1')
    return 'held'
  },

  /** Reads what a page wrote that is frozen now. */
  async frozen() {
    const db = await openTexts('frozen')
    const value = db.getSync('a')
    await db.close()
    return value
  },
}
