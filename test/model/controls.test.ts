/** Positive controls: databases with a seeded bug, which the model test must notice. */
import { describe, expect, it } from 'vitest'
import type { RangeOptions } from '../../src/api/types.ts'
import { openOn } from '../../src/api/open.ts'
import { memoryFileSystem } from '../../src/fs/memory.ts'
import type { SubjectDatabase } from '../support/subject.ts'
import { explore, type Place } from './explore.ts'

type Wrong = Partial<Record<keyof SubjectDatabase, (right: SubjectDatabase) => unknown>>
type Key = string | Uint8Array

/** Bugs by name: members that a wrong database has in the place of the right ones. */
const bugs: Record<string, Wrong> = {
  'a snapshot that shows the latest state': {
    at: (right) => () => right,
  },
  'an empty value taken for none': {
    getSync: (right) => (key: Key, options?: object) => {
      const value = right.getSync(key, options)
      return value?.length === 0 ? undefined : value
    },
  },
  'a reverse range that loses its last entry': {
    rangeSync: (right) => (options?: RangeOptions<Key>) => {
      const entries = [...right.rangeSync(options)]
      return options?.reverse === true && entries.length > 2 ? entries.slice(0, -1) : entries
    },
  },
  'an exclusive bound taken for an inclusive one': {
    keys:
      (right) =>
      ({ gt, ...options }: RangeOptions<Key> = {}) =>
        right.keys(gt === undefined ? options : { ...options, gte: gt }),
  },
  'a limit that is off by one': {
    valuesSync:
      (right) =>
      ({ limit = -1, ...options }: RangeOptions<Key> = {}) =>
        right.valuesSync({ ...options, limit: limit > 1 ? limit - 1 : limit }),
  },
  'a deletion that is forgotten now and then': {
    deleteSync: (right) => (key: Key, options?: object) => {
      if (key.length !== 2) right.deleteSync(key, options)
    },
  },
  'an iterator that is no snapshot': {
    range: (right) =>
      async function* (options?: RangeOptions<Key>) {
        for (let at = 0; ; at++) {
          // Slices of a range that has ended would be noticed for another reason.
          const entry = [...right.rangeSync({ ...options, slices: false })][at]
          if (entry === undefined) return
          yield entry
        }
      },
  },
  'a read that commits what is staged': {
    hasSync: (right) => (key: Key, options?: object) => {
      right.persistSync('os')
      return right.hasSync(key, options)
    },
  },
}

function wrong(right: SubjectDatabase, bug: Wrong): SubjectDatabase {
  const outside: SubjectDatabase = around(right, (property) => {
    const member = Object.entries(bug).find(([name]) => name === property)?.[1]
    if (member !== undefined) return member(right)
    // The wrapper is not a keyspace to the engine: a batch is given what is inside.
    if (property !== 'batch') return undefined
    return () => {
      const batch = right.batch()
      const inside = (argument: unknown): unknown => (argument === outside ? right : argument)
      const own = (name: string) => {
        const method: unknown = Reflect.get(batch, name)
        if (typeof method !== 'function') return undefined
        return (...list: unknown[]): unknown => {
          const result: unknown = method.apply(batch, list.map(inside))
          return result === batch ? wrapped : result
        }
      }
      const wrapped = around(batch, (name) => own(name))
      return wrapped
    }
  })
  return outside
}

/** The same object, with the members that `instead` gives in the place of its own. */
function around<T extends object>(object: T, instead: (property: string) => unknown): T {
  return new Proxy(object, {
    get(target, property) {
      const other = instead(String(property))
      if (other !== undefined) return other
      const own: unknown = Reflect.get(target, property, target)
      const bound: unknown = typeof own === 'function' ? own.bind(target) : own
      return bound
    },
  })
}

async function placeOf(bug: Wrong): Promise<Place> {
  const files = memoryFileSystem()
  return { open: async (options) => wrong(await openOn(files, options), bug), discard: async () => {} }
}

describe('the model test notices', () => {
  it('nothing in a right database behind the same wrapper', { timeout: 120_000 }, async () => {
    await explore(() => placeOf({}), { seconds: 1, seed: 1 })
  })

  for (const [name, bug] of Object.entries(bugs)) {
    it(name, { timeout: 120_000 }, async () => {
      await expect(explore(() => placeOf(bug), { seconds: 30, seed: 1, shrink: false })).rejects.toThrow(
        'Property failed',
      )
    })
  }
})
