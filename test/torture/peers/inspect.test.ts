/** What peer-parity takes for a report, and what for wrong. */
import { expect, it } from 'vitest'
import type { Engine, OpenEngine } from './engine.ts'
import { type Entry, makeHistory } from './history.ts'
import { type Observation, inspect } from './inspect.ts'

const history = makeHistory(1)
const whole = history.states.at(-1) ?? []
const earlier = history.states.at(-2) ?? []

/** Inspects an engine that has these entries, or is as `changes` have it. */
function inspectOf(entries: readonly Entry[], changes: Partial<OpenEngine> = {}): Promise<Observation> {
  const db: OpenEngine = {
    notice: undefined,
    isCut: false,
    write: async () => {},
    flush: async () => {},
    get: async (key) => entries.find(([each]) => each.equals(key))?.[1],
    async *range(reverse) {
      yield* reverse ? entries.toReversed() : entries
    },
    close: async () => {},
    ...changes,
  }
  const engine: Engine = { kindOf: () => undefined, open: async () => db }
  return inspect(engine, '', history)
}

const get: OpenEngine['get'] = async (key) => whole.find(([each]) => each.equals(key))?.[1]

it('all that was written is neither', async () => {
  expect(await inspectOf(whole)).toEqual({ report: undefined, wrong: undefined, isEarlierState: false })
})

it('an error at the end of a scan reports what the scan left out', async () => {
  const range = async function* (reverse: boolean): AsyncGenerator<Entry> {
    yield* reverse ? whole.toSpliced(20, 5).reverse() : whole.toSpliced(20, 5)
    throw new Error('a block is damaged')
  }
  expect(await inspectOf(whole, { range })).toMatchObject({
    report: 'Error: a block is damaged',
    wrong: undefined,
  })
})

it('a wrong value is wrong, whatever is reported after it', async () => {
  const range = async function* (): AsyncGenerator<Entry> {
    for (const [key] of whole.slice(0, 1)) yield [key, Buffer.from('another')]
    throw new Error('a block is damaged')
  }
  const { report, wrong } = await inspectOf(whole, { range })
  expect(report).toBe('Error: a block is damaged')
  expect(wrong).toContain('wrong value')
})

it.each([
  ['an entry that a scan leaves out', whole.toSpliced(20, 1), 'left out 1 of'],
  ['an entry too many', whole.toSpliced(20, 0, [Buffer.from('kez'), Buffer.of(1)]), 'came to "kez"'],
  ['an entry twice', whole.flatMap((entry, i) => (i === 20 ? [entry, entry] : [entry])), 'came to'],
])('%s is wrong', async (_, entries, message) => {
  const observation = await inspectOf(entries, { get })
  expect(observation).toMatchObject({ report: undefined, isEarlierState: false })
  expect(observation.wrong).toContain(message)
})

it('a scan that does not end is wrong', async () => {
  const range = async function* (): AsyncGenerator<Entry> {
    for (;;) yield* whole
  }
  expect((await inspectOf(whole, { range })).wrong).toBeDefined()
})

it('a key that is not found is wrong', async () => {
  const { wrong } = await inspectOf(whole, { get: async () => undefined })
  expect(wrong).toContain('is missing')
})

it('a log that ends earlier is a state that there was', async () => {
  expect(await inspectOf(earlier)).toMatchObject({ report: undefined, isEarlierState: true })
})

it('a log that is said to end earlier may be any state that there was, and nothing else', async () => {
  const cut = { notice: 'the log is cut', isCut: true }
  expect(await inspectOf(earlier, cut)).toMatchObject({ report: cut.notice, wrong: undefined })
  const { wrong } = await inspectOf(earlier.slice(1), cut)
  expect(wrong).toBe('what is left is not what there was after any batch')
})
