/** Every read of the API as a random question, asked of the database and of the model. */
import fc from 'fast-check'
import { Slice } from '../../src/api/slice.ts'
import * as model from '../model.ts'
import type { Bytes, Entries, Range } from '../model.ts'
import { key, range } from './arbitraries.ts'
import { type View, keys, values } from './world.ts'

export type Question =
  | { readonly read: 'get' | 'getSlice' | 'has' | 'sizeOf'; readonly key: Bytes }
  | { readonly read: 'getMany'; readonly keys: readonly Bytes[] }
  | { readonly read: 'range' | 'keys' | 'values'; readonly range: Range; readonly slices: boolean }
  | { readonly read: 'count' | 'isEmpty'; readonly range: Range }
  | { readonly read: 'first' | 'last'; readonly range: Range }

export const question: fc.Arbitrary<Question> = fc.oneof(
  {
    arbitrary: fc.record({
      read: fc.constantFrom('get' as const, 'getSlice' as const, 'has' as const, 'sizeOf' as const),
      key,
    }),
    weight: 6,
  },
  {
    arbitrary: fc.record({ read: fc.constant('getMany' as const), keys: fc.array(key, { maxLength: 8 }) }),
    weight: 2,
  },
  {
    arbitrary: fc.record({
      read: fc.constantFrom('range' as const, 'keys' as const, 'values' as const),
      range,
      slices: fc.boolean(),
    }),
    weight: 6,
  },
  {
    arbitrary: fc.record({ read: fc.constantFrom('count' as const, 'isEmpty' as const), range }),
    weight: 3,
  },
  { arbitrary: fc.record({ read: fc.constantFrom('first' as const, 'last' as const), range }), weight: 3 },
)

/** What the model answers. */
export function expectedAnswer(entries: Entries, asked: Question): unknown {
  switch (asked.read) {
    case 'get':
    case 'getSlice':
      return model.get(entries, asked.key)
    case 'has':
      return model.has(entries, asked.key)
    case 'sizeOf':
      return model.sizeOf(entries, asked.key)
    case 'getMany':
      return model.getMany(entries, asked.keys)
    case 'range':
      return model.range(entries, asked.range)
    case 'keys':
      return keys(model.range(entries, asked.range))
    case 'values':
      return values(model.range(entries, asked.range))
    case 'count':
      return model.count(entries, asked.range)
    case 'isEmpty':
      return model.isEmpty(entries, asked.range)
    case 'first':
      return model.first(entries, withoutOrder(asked.range))
    case 'last':
      return model.last(entries, withoutOrder(asked.range))
  }
}

/** What the database answers, through the synchronous calls. */
export function askSync({ reads, options }: View, asked: Question): unknown {
  switch (asked.read) {
    case 'get':
      return reads.getSync(asked.key, options)
    case 'getSlice':
      return reads.getSlice(asked.key, options)?.copy()
    case 'has':
      return reads.hasSync(asked.key, options)
    case 'sizeOf':
      return reads.sizeOfSync(asked.key, options)
    case 'getMany':
      return reads.getManySync(asked.keys, options)
    case 'range':
      return asked.slices
        ? Array.from(reads.rangeSync({ ...asked.range, ...options, slices: true }), copied)
        : [...reads.rangeSync({ ...asked.range, ...options })]
    case 'keys':
      return asked.slices
        ? Array.from(reads.keysSync({ ...asked.range, ...options, slices: true }), copied)
        : [...reads.keysSync({ ...asked.range, ...options })]
    case 'values':
      return asked.slices
        ? Array.from(reads.valuesSync({ ...asked.range, ...options, slices: true }), copied)
        : [...reads.valuesSync({ ...asked.range, ...options })]
    case 'count':
      return reads.countSync({ ...asked.range, ...options })
    case 'isEmpty':
      return reads.isEmptySync({ ...asked.range, ...options })
    case 'first':
      return reads.firstSync({ ...withoutOrder(asked.range), ...options })
    case 'last':
      return reads.lastSync({ ...withoutOrder(asked.range), ...options })
  }
}

/** What the database answers, through the asynchronous calls. */
export function ask({ reads, options }: View, asked: Question): Promise<unknown> {
  switch (asked.read) {
    case 'get':
      return reads.get(asked.key, options)
    case 'getSlice':
      return Promise.resolve(reads.getSlice(asked.key, options)?.copy())
    case 'has':
      return reads.has(asked.key, options)
    case 'sizeOf':
      return reads.sizeOf(asked.key, options)
    case 'getMany':
      return reads.getMany(asked.keys, options)
    case 'range':
      return asked.slices
        ? collect(reads.range({ ...asked.range, ...options, slices: true }))
        : collect(reads.range({ ...asked.range, ...options }))
    case 'keys':
      return asked.slices
        ? collect(reads.keys({ ...asked.range, ...options, slices: true }))
        : collect(reads.keys({ ...asked.range, ...options }))
    case 'values':
      return asked.slices
        ? collect(reads.values({ ...asked.range, ...options, slices: true }))
        : collect(reads.values({ ...asked.range, ...options }))
    case 'count':
      return reads.count({ ...asked.range, ...options })
    case 'isEmpty':
      return reads.isEmpty({ ...asked.range, ...options })
    case 'first':
      return reads.first({ ...withoutOrder(asked.range), ...options })
    case 'last':
      return reads.last({ ...withoutOrder(asked.range), ...options })
  }
}

/** Slices, alone or in an entry, as copies; anything else as it is. */
export function copied(item: unknown): unknown {
  if (Array.isArray(item)) return item.map(copied)
  return item instanceof Slice ? item.copy() : item
}

async function collect(items: AsyncIterable<unknown>): Promise<unknown[]> {
  const list: unknown[] = []
  for await (const item of items) list.push(copied(item))
  return list
}

/** first and last have no order and no limit of their own. */
function withoutOrder({ reverse: _, limit: __, ...bounds }: Range): Range {
  return bounds
}
