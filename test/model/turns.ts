/** What one turn of the event loop may hold: staged writes, synchronous calls between them, calls in flight together. */
import fc from 'fast-check'
import { type Bytes, type Operation, type State, entriesOf } from '../model.ts'
import { key, show, smallValue } from './arbitraries.ts'
import { type Question, ask, askSync, expectedAnswer, question } from './reading.ts'
import { type World, check, compare } from './world.ts'

const keyspace = fc.nat(5)
const write = fc.record({ keyspace, key, value: fc.option(smallValue, { nil: undefined }) })
type Write = { keyspace: number; key: Bytes; value: Bytes | undefined }

const oneRead = fc.record({
  keyspace,
  snapshot: fc.option(fc.nat(3), { nil: undefined }),
  route: fc.nat(2),
  question,
})
type Read = { keyspace: number; snapshot: number | undefined; route: number; question: Question }

/** A long key may not be staged more than twice, or the group would be committed for its size. */
const stagedWrite = write.filter((chosen) => chosen.key.length < 5000)

export type TurnStep =
  | { readonly step: 'stage' | 'now' | 'batch'; readonly write: Write }
  | { readonly step: 'read'; readonly read: Read }
  | { readonly step: 'snapshot' | 'flush' | 'persist' }

const turnStep: fc.Arbitrary<TurnStep> = fc.oneof(
  { arbitrary: fc.record({ step: fc.constant('stage' as const), write: stagedWrite }), weight: 6 },
  { arbitrary: fc.record({ step: fc.constant('read' as const), read: oneRead }), weight: 6 },
  { arbitrary: fc.record({ step: fc.constantFrom('now' as const, 'batch' as const), write }), weight: 2 },
  {
    arbitrary: fc.record({
      step: fc.constantFrom('snapshot' as const, 'flush' as const, 'persist' as const),
    }),
    weight: 1,
  },
)

export const turnSteps: fc.Arbitrary<TurnStep[]> = fc.array(turnStep, { minLength: 1, maxLength: 12 })

/**
 * Staged writes with synchronous calls between them, all in one turn: reads do not see what is staged, every other call
 * commits it first, and at the end of the turn all is committed in program order.
 */
export async function runTurn(world: World, steps: readonly TurnStep[]): Promise<void> {
  const acknowledgements: Promise<void>[] = []
  for (const step of steps) {
    if (step.step === 'read') {
      const view = world.view(step.read.keyspace, step.read.snapshot, step.read.route)
      const expected = expectedAnswer(view.entries, step.read.question)
      check(askSync(view, step.read.question), expected, `in a turn: ${show(step.read.question)}`)
    } else if (step.step === 'stage') {
      world.model.stage(operationOf(world, step.write))
      acknowledgements.push(putOrDelete(world, step.write))
    } else if (step.step === 'now') {
      world.model.commit([operationOf(world, step.write)])
      putOrDeleteSync(world, step.write)
    } else if (step.step === 'batch') {
      world.model.commit([operationOf(world, step.write), operationOf(world, { ...step.write, keyspace: 0 })])
      const { handle } = world.pick(step.write.keyspace)
      const { key: k, value: v } = step.write
      const pending = world.database.batch()
      if (v === undefined) pending.delete(handle, k).delete(k)
      else pending.put(handle, k, v).put(k, v)
      pending.commitSync()
    } else if (step.step === 'snapshot') {
      const taken = { real: world.database.snapshot(), state: world.model.snapshot() }
      if (world.snapshots.length < 4) world.snapshots.push(taken)
      else taken.real.close()
    } else {
      world.model.commitStaged()
      if (step.step === 'flush') world.database.flushSync()
      else world.database.persistSync('os')
    }
  }
  await Promise.all(acknowledgements)
  world.model.commitStaged()
}

export type Call =
  | { readonly call: 'write'; readonly write: Write }
  | { readonly call: 'batch'; readonly writes: readonly Write[] }
  | { readonly call: 'read'; readonly read: Read }
  | { readonly call: 'flush' }

const call: fc.Arbitrary<Call> = fc.oneof(
  { arbitrary: fc.record({ call: fc.constant('write' as const), write }), weight: 4 },
  {
    arbitrary: fc.record({
      call: fc.constant('batch' as const),
      writes: fc.array(write, { minLength: 1, maxLength: 4 }),
    }),
    weight: 2,
  },
  { arbitrary: fc.record({ call: fc.constant('read' as const), read: oneRead }), weight: 6 },
  { arbitrary: fc.record({ call: fc.constant('flush' as const) }), weight: 1 },
)

export const calls: fc.Arbitrary<Call[]> = fc.array(call, { minLength: 2, maxLength: 12 })

/**
 * Asynchronous calls started together and awaited together. Writes take effect in the order of the calls. A read sees one of
 * the states between its call and its answer, whole.
 */
export async function runConcurrently(world: World, started: readonly Call[]): Promise<void> {
  const before = world.model.commits
  const running = started.map((item): Promise<(() => void) | undefined> => {
    if (item.call === 'flush') return nothing(world.database.flush())
    if (item.call === 'write') {
      world.model.commit([operationOf(world, item.write)])
      return nothing(putOrDelete(world, item.write))
    }
    if (item.call === 'batch') {
      world.model.commit(item.writes.map((part) => operationOf(world, part)))
      const pending = world.database.batch()
      for (const part of item.writes) {
        const { handle } = world.pick(part.keyspace)
        if (part.value === undefined) pending.delete(handle, part.key)
        else pending.put(handle, part.key, part.value)
      }
      return nothing(pending.commit())
    }
    const { keyspace: number, snapshot, route, question: asked } = item.read
    const view = world.view(number, snapshot, route)
    const atSnapshot = expectedAnswer(view.entries, asked)
    const { id } = world.pick(number)
    const isLatest = snapshot === undefined || world.snapshots.length === 0
    return ask(view, asked).then((answer) => () => {
      if (!isLatest) return check(answer, atSnapshot, `concurrently at a snapshot: ${show(asked)}`)
      const states: State[] = world.model.states.slice(before)
      const seen = states.some(
        (state) => compare(answer, expectedAnswer(entriesOf(state, id), asked)) === undefined,
      )
      if (!seen)
        throw new Error(`concurrently: ${show(asked)} answered ${show(answer)}, true at no time since`)
    })
  })
  for (const verify of await Promise.all(running)) verify?.()
}

async function nothing(call: Promise<unknown>): Promise<undefined> {
  await call
  return undefined
}

function operationOf(world: World, { keyspace: number, key: k, value: v }: Write): Operation {
  const { id } = world.pick(number)
  return v === undefined
    ? { type: 'delete', keyspace: id, key: k }
    : { type: 'put', keyspace: id, key: k, value: v }
}

function putOrDelete(world: World, { keyspace: number, key: k, value: v }: Write): Promise<void> {
  const { handle } = world.pick(number)
  return v === undefined ? handle.delete(k) : handle.put(k, v)
}

function putOrDeleteSync(world: World, { keyspace: number, key: k, value: v }: Write): void {
  const { handle } = world.pick(number)
  if (v === undefined) handle.deleteSync(k)
  else handle.putSync(k, v)
}
