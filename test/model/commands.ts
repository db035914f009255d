/** The commands of the model test: each does one thing to the database and to the model, and compares. */
import fc from 'fast-check'
import {
  type Bytes,
  type Durability,
  type Operation,
  type Range,
  defaultKeyspace,
  range as rangeOf,
} from '../model.ts'
import { engineOf } from '../integration/regressions/support.ts'
import type { SubjectOperation } from '../support/subject.ts'
import { key, largeValue, middleValue, range, show, smallValue, value, valueBytes } from './arbitraries.ts'
import { ask, askSync, copied, expectedAnswer, question } from './reading.ts'
import { calls, runConcurrently, runTurn, turnSteps } from './turns.ts'
import { type World, check, keys, values } from './world.ts'

export type Command = fc.AsyncCommand<World, World>

/** A command from a name, random arguments and what to do with them. */
export function command<A>(
  name: string,
  args: fc.Arbitrary<A>,
  run: (world: World, args: A) => Promise<void>,
  possible: (world: Readonly<World>) => boolean = () => true,
): fc.Arbitrary<Command> {
  return args.map((chosen) => ({
    check: (world) => possible(world),
    run: (world) => run(world, chosen),
    toString: () => `${name}(${show(chosen)})`,
  }))
}

const keyspace = fc.nat(5)
const sync = fc.boolean()
const durability: fc.Arbitrary<Durability | undefined> = fc.constantFrom(undefined, 'buffered', 'os', 'sync')
const names = fc.constantFrom('users', 'events', 'Ω', '0')

/** Makes a call with copies, which are destroyed as soon as it returns: inputs may be used again then. */
export function lend<T>(key: Bytes, value: Bytes, call: (key: Bytes, value: Bytes) => T): T {
  const copies = [key.slice(), value.slice()] as const
  try {
    return call(...copies)
  } finally {
    for (const copy of copies) copy.fill(0xee)
  }
}

const noValue = new Uint8Array(0)

const put = command('put', fc.record({ keyspace, key, value, sync, durability }), async (world, args) => {
  const { handle, id } = world.pick(args.keyspace)
  const level = world.writeOptions(args.durability)
  world.model.commit([{ type: 'put', keyspace: id, key: args.key, value: args.value }])
  await lend(args.key, args.value, (k, v) =>
    args.sync ? handle.putSync(k, v, level) : handle.put(k, v, level),
  )
})

const remove = command('delete', fc.record({ keyspace, key, sync, durability }), async (world, args) => {
  const { handle, id } = world.pick(args.keyspace)
  const level = world.writeOptions(args.durability)
  world.model.commit([{ type: 'delete', keyspace: id, key: args.key }])
  await lend(args.key, noValue, (k) => (args.sync ? handle.deleteSync(k, level) : handle.delete(k, level)))
})

/** Many small entries at once in time, one by one in commits: fills memtables. */
const fill = command(
  'fill',
  fc.record({
    keyspace,
    from: fc.nat(200),
    count: fc.integer({ min: 1, max: 150 }),
    size: fc.nat(120),
    sync,
  }),
  async (world, args) => {
    const { handle, id } = world.pick(args.keyspace)
    const writes: Promise<void>[] = []
    for (let i = 0; i < args.count; i++) {
      const k = new TextEncoder().encode(`a${String(args.from + i).padStart(3, '0')}`)
      const v = valueBytes(args.size, i)
      world.model.commit([{ type: 'put', keyspace: id, key: k, value: v }])
      if (args.sync) handle.putSync(k, v)
      else writes.push(handle.put(k, v))
    }
    await Promise.all(writes)
  },
)

const smallWrite = fc.record({ keyspace, key, value: fc.option(smallValue, { nil: undefined }) })
const largeWrite = fc.record({ keyspace, key, value: fc.oneof(middleValue, largeValue) })

const batch = command(
  'batch',
  fc.record({
    writes: fc
      .tuple(fc.array(smallWrite, { maxLength: 12 }), fc.array(largeWrite, { maxLength: 2 }))
      .map(([small, large]) => [...small, ...large]),
    form: fc.constantFrom('batch', 'cleared batch', 'write'),
    sync,
    durability,
  }),
  async (world, { writes, form, sync: now, durability: level }) => {
    const operations: Operation[] = []
    const list: SubjectOperation[] = []
    const pending = world.database.batch()
    if (form === 'cleared batch') pending.put('cleared', 'must not appear').clear()
    check(pending.length, 0, 'length of an empty batch')
    for (const write of writes) {
      const { handle, id } = world.pick(write.keyspace)
      const to = id === defaultKeyspace ? {} : { keyspace: handle }
      if (write.value === undefined) {
        operations.push({ type: 'delete', keyspace: id, key: write.key })
        list.push({ type: 'delete', ...to, key: write.key.slice() })
        lend(write.key, noValue, (k) =>
          id === defaultKeyspace ? pending.delete(k) : pending.delete(handle, k),
        )
      } else {
        operations.push({ type: 'put', keyspace: id, key: write.key, value: write.value })
        list.push({ type: 'put', ...to, key: write.key.slice(), value: write.value.slice() })
        lend(write.key, write.value, (k, v) =>
          id === defaultKeyspace ? pending.put(k, v) : pending.put(handle, k, v),
        )
      }
    }
    check(pending.length, writes.length, 'length of a batch')
    check(pending.sizeBytes > 0, writes.length > 0, 'sizeBytes of a batch is above 0')
    world.model.commit(operations)
    if (form === 'write') {
      if (now) world.database.writeSync(list, world.writeOptions(level))
      else await world.database.write(list, world.writeOptions(level))
    } else if (now) pending.commitSync(world.writeOptions(level))
    else await pending.commit(world.writeOptions(level))
  },
)

const read = command(
  'read',
  fc.record({
    keyspace,
    snapshot: fc.option(fc.nat(3), { nil: undefined }),
    route: fc.nat(2),
    question,
    sync,
  }),
  async (world, args) => {
    const view = world.view(args.keyspace, args.snapshot, args.route)
    const expected = expectedAnswer(view.entries, args.question)
    const actual = args.sync ? askSync(view, args.question) : await ask(view, args.question)
    check(actual, expected, show(args.question))
    world.hold(actual)
  },
)

const takeSnapshot = command(
  'snapshot',
  fc.constant(null),
  async (world) => {
    world.snapshots.push({ real: world.database.snapshot(), state: world.model.snapshot() })
  },
  (world) => world.snapshots.length < 4,
)

const closeSnapshot = command(
  'closeSnapshot',
  fc.nat(3),
  async (world, at) => {
    for (const { real } of world.snapshots.splice(at % world.snapshots.length, 1)) {
      real.close()
      real.close()
      check(real.closed, true, 'closed')
    }
  },
  (world) => world.snapshots.length > 0,
)

/** An iterator sees the moment at which it was made, however late it is read. */
const openIterator = command(
  'iterator',
  fc.record({
    keyspace,
    snapshot: fc.option(fc.nat(3), { nil: undefined }),
    route: fc.nat(2),
    range,
    what: fc.constantFrom('range', 'keys', 'values'),
    slices: fc.boolean(),
    sync,
  }),
  async (world, args) => {
    const { reads, options, entries } = world.view(args.keyspace, args.snapshot, args.route)
    const hits = rangeOf(entries, args.range)
    const expected = args.what === 'range' ? hits : args.what === 'keys' ? keys(hits) : values(hits)
    // Whether slices or copies of the decoded: the types do not matter here.
    const asked = { ...args.range, ...options, slices: args.slices as false }
    if (args.sync) {
      const made =
        args.what === 'range'
          ? reads.rangeSync(asked)
          : args.what === 'keys'
            ? reads.keysSync(asked)
            : reads.valuesSync(asked)
      const real: Iterator<unknown> = made[Symbol.iterator]()
      world.iterators.push({
        next: async () => real.next(),
        end: async () => real.return?.(),
        expected,
        position: 0,
      })
    } else {
      const made =
        args.what === 'range'
          ? reads.range(asked)
          : args.what === 'keys'
            ? reads.keys(asked)
            : reads.values(asked)
      const real: AsyncIterator<unknown> = made[Symbol.asyncIterator]()
      world.iterators.push({
        next: () => real.next(),
        end: async () => real.return?.(),
        expected,
        position: 0,
      })
    }
  },
  (world) => world.iterators.length < 6,
)

const stepIterator = command(
  'step',
  fc.record({ iterator: fc.nat(5), steps: fc.constantFrom(1, 2, 3, 10, 1000) }),
  async (world, { iterator: at, steps }) => {
    const iterator = world.iterators[at % world.iterators.length]
    for (let i = 0; iterator !== undefined && i < steps; i++) {
      const { done = false, value: item } = await iterator.next()
      const { expected, position } = iterator
      check(done, position >= expected.length, `iterator done after ${position} of ${expected.length} items`)
      if (done) return
      const copy = copied(item)
      check(copy, expected[position], `item ${position} of ${expected.length} of an iterator`)
      world.hold(copy)
      iterator.position++
    }
  },
  (world) => world.iterators.length > 0,
)

/** Ends an iterator half-way, or just forgets it. */
const dropIterator = command(
  'dropIterator',
  fc.record({ iterator: fc.nat(5), end: fc.boolean() }),
  async (world, { iterator: at, end }) => {
    for (const iterator of world.iterators.splice(at % world.iterators.length, 1)) {
      if (!end) continue
      await iterator.end()
      const { done } = await iterator.next()
      check(done, true, 'done after return()')
    }
  },
  (world) => world.iterators.length > 0,
)

/** What happens to iterators when memory runs short, which no caller can ask for. */
const dropPages = command('dropPages', fc.constantFrom(1, 2, 100), async ({ database }, count) => {
  engineOf(database).cursorPages.release(count)
})

const flush = command(
  'flush',
  fc.record({ keyspace: fc.option(keyspace, { nil: undefined }), sync }),
  async (world, args) => {
    world.model.commitStaged()
    const target = args.keyspace === undefined ? world.database : world.pick(args.keyspace).handle
    if (args.sync) target.flushSync()
    else await target.flush()
  },
)

const compact = command(
  'compact',
  fc.record({ keyspace: fc.option(keyspace, { nil: undefined }), bounds: range, sync }),
  async (world, args) => {
    world.model.commitStaged()
    const bounds = boundsOf(args.bounds)
    if (args.keyspace === undefined) {
      if (args.sync) world.database.compactSync()
      else await world.database.compact()
    } else {
      const { handle } = world.pick(args.keyspace)
      if (args.sync) handle.compactSync(bounds)
      else await handle.compact(bounds)
    }
  },
)

const clear = command('clear', fc.record({ keyspace, sync }), async (world, args) => {
  const { handle, id } = world.pick(args.keyspace)
  world.model.commit(world.model.entries(id).map(([key]) => ({ type: 'delete', keyspace: id, key })))
  if (args.sync) handle.clearSync()
  else await handle.clear()
})

const dropRange = command('dropRange', fc.record({ keyspace, bounds: range, sync }), async (world, args) => {
  const { handle, id } = world.pick(args.keyspace)
  const bounds = boundsOf(args.bounds)
  world.model.commitStaged()
  const hits = rangeOf(world.model.entries(id), bounds)
  world.model.commit(hits.map(([key]) => ({ type: 'delete', keyspace: id, key })))
  if (args.sync) handle.dropRangeSync(bounds)
  else await handle.dropRange(bounds)
})

/** The keys that a range covers, without its other options. */
function boundsOf({ gte, gt, lte, lt, prefix }: Range): Range {
  return {
    ...(gte && { gte }),
    ...(gt && { gt }),
    ...(lte && { lte }),
    ...(lt && { lt }),
    ...(prefix && { prefix }),
  }
}

/** Lets the background go on. */
const pause = command('pause', fc.integer({ min: 1, max: 30 }), async (world, turns) => {
  world.model.commitStaged()
  for (let i = 0; i < turns; i++) await new Promise((resolve) => setImmediate(resolve))
})

/** A queue: keys that are written once, removed weakly, and never written again. */
const push = command('push', fc.record({ keyspace, value: smallValue, sync }), async (world, args) => {
  const { handle, id } = world.pick(args.keyspace)
  const key = new TextEncoder().encode(`queue ${String(world.pushed++).padStart(6, '0')}`)
  world.queue.push({ id, key })
  world.model.commit([{ type: 'put', keyspace: id, key, value: args.value }])
  await (args.sync ? handle.putSync(key, args.value) : handle.put(key, args.value))
})

const pop = command(
  'pop',
  fc.record({ count: fc.integer({ min: 1, max: 5 }), sync }),
  async (world, args) => {
    for (const { id, key } of world.queue.splice(0, args.count)) {
      const handle = world.handleOf(id)
      // Its keyspace may be gone.
      if (handle === undefined) continue
      world.model.commit([{ type: 'delete', keyspace: id, key }])
      await (args.sync ? handle.deleteWeakSync(key) : handle.deleteWeak(key))
    }
  },
  (world) => world.queue.length > 0,
)

const persist = command(
  'persist',
  fc.record({ mode: fc.constantFrom('os' as const, 'sync' as const), sync }),
  async ({ database }, args) => {
    if (args.sync) database.persistSync(args.mode)
    else await database.persist(args.mode)
  },
)

const reopen = command('reopen', fc.constant(null), async (world) => {
  await world.reopen()
})

const createKeyspace = command('createKeyspace', fc.record({ name: names, sync }), async (world, args) => {
  world.model.createKeyspace(args.name)
  const { database } = world
  world.handles.set(
    args.name,
    args.sync ? database.keyspaceSync(args.name) : await database.keyspace(args.name),
  )
  check(database.keyspaces().sort(), [...world.model.layout.keys()].sort(), 'keyspaces()')
})

const dropKeyspace = command(
  'dropKeyspace',
  fc.record({ at: fc.nat(5), sync }),
  async (world, args) => {
    const { name, handle } = world.pick(1 + (args.at % world.model.layout.size))
    // What its open iterators do is not specified: they end first.
    for (const iterator of world.iterators.splice(0)) await iterator.end()
    world.model.dropKeyspace(name)
    world.handles.delete(name)
    if (args.sync) world.database.dropKeyspaceSync(name)
    else await world.database.dropKeyspace(name)
    check(world.database.keyspaces().sort(), [...world.model.layout.keys()].sort(), 'keyspaces()')
    check(
      refuses(() => handle.getSync('a')),
      true,
      'the handle of a dropped keyspace refuses to read',
    )
    check(
      refuses(() => handle.putSync('a', 'b')),
      true,
      'the handle of a dropped keyspace refuses to write',
    )
  },
  (world) => world.model.layout.size > 0,
)

/** Whether the call throws an error with a code. */
function refuses(call: () => unknown): boolean {
  try {
    call()
    return false
  } catch (error) {
    return error instanceof Error && 'code' in error
  }
}

const compareAll = command('compareAll', fc.constant(null), (world) => world.compareAll())

const turnCommand = command('turn', turnSteps, runTurn)
const concurrentCommand = command('concurrent', calls, runConcurrently)

/** Some commands several times: they are tried that much more often. */
export const commands: fc.Arbitrary<Command>[] = [
  ...[put, put, put, put, remove, remove, batch, batch, batch, fill, fill],
  ...[turnCommand, turnCommand, concurrentCommand],
  ...[read, read, read, read, read, read, takeSnapshot, closeSnapshot],
  ...[openIterator, openIterator, stepIterator, stepIterator, stepIterator, dropIterator, dropPages],
  ...[compact, pause, push, push, pop, clear, dropRange],
  ...[flush, flush, persist, reopen, createKeyspace, createKeyspace, dropKeyspace, compareAll],
]
