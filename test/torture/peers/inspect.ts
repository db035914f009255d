/** Opens what may be damaged, reads everything there is by all the ways, and compares it with what was written. */
import type { Engine, OpenEngine } from './engine.ts'
import type { Entry, History } from './history.ts'

export interface Observation {
  /** The first error that a call reported, or what the engine said when it opened. */
  readonly report: string | undefined
  /** The first thing that was wrong or missing, though the call that said so reported nothing. */
  readonly wrong: string | undefined
  /** With that, but without a report: whether there is exactly what there was after some batch. */
  readonly isEarlierState: boolean
}

export async function inspect(engine: Engine, directory: string, history: History): Promise<Observation> {
  let report: string | undefined
  let wrong: string | undefined
  /** Runs a part; what it throws is a report, what it returns is what was wrong. */
  const attempt = async (part: () => Promise<string | undefined>): Promise<void> => {
    try {
      const found = await part()
      wrong ??= found
    } catch (error) {
      report ??= String(error)
    }
  }
  let db: OpenEngine
  try {
    db = await engine.open(directory)
  } catch (error) {
    return { report: String(error), wrong, isEarlierState: false }
  }
  report = db.notice
  const expected = db.isCut ? await earlierState(db, history) : history.states.at(-1)
  if (expected === undefined) wrong = 'what is left is not what there was after any batch'
  for (const part of expected === undefined ? [] : parts(db, expected, history)) await attempt(part)
  const isSilent = report === undefined && wrong !== undefined
  const isEarlierState = isSilent && (await earlierState(db, history)) !== undefined
  await attempt(() => db.close().then(() => undefined))
  return { report, wrong, isEarlierState }
}

/** Everything that is asked of an engine that should have these entries. */
function parts(
  db: OpenEngine,
  expected: readonly Entry[],
  { absent }: History,
): (() => Promise<string | undefined>)[] {
  const there = new Set(expected.map(([key]) => key.toString()))
  const gone = absent.filter((key) => !there.has(key.toString()))
  return [
    () => scan(db, expected, false),
    () => scan(db, expected, true),
    ...expected.map(
      ([key, value]) =>
        () =>
          lookUp(db, key, value),
    ),
    ...gone.map((key) => () => lookUp(db, key, undefined)),
  ]
}

/** What there was after some batch, if that is what there is: an engine that says that the end of its log is lost may have any such state. */
async function earlierState(db: OpenEngine, { states }: History): Promise<readonly Entry[] | undefined> {
  const most = Math.max(...states.map(({ length }) => length))
  const found: (readonly [Uint8Array, Uint8Array])[] = []
  try {
    for await (const entry of db.range(false)) if (found.push(entry) > most) break
  } catch {
    return undefined
  }
  return states.find(
    (state) =>
      state.length === found.length &&
      state.every(([key, value], i) => {
        const [foundKey, foundValue] = found[i] ?? []
        return foundKey !== undefined && key.equals(foundKey) && value.equals(foundValue ?? Buffer.of())
      }),
  )
}

async function scan(
  db: OpenEngine,
  expected: readonly Entry[],
  reverse: boolean,
): Promise<string | undefined> {
  const way = reverse ? 'backward' : 'forward'
  const entries = reverse ? expected.toReversed() : expected
  let count = 0
  for await (const [key, value] of db.range(reverse)) {
    const entry = entries[count++]
    if (entry === undefined) return `a scan ${way} does not end after ${expected.length} entries`
    if (!entry[0].equals(key)) return `a scan ${way} came to ${show(key)} instead of ${show(entry[0])}`
    if (!entry[1].equals(value)) return `a scan ${way} found a wrong value at ${show(key)}`
  }
  return count < expected.length
    ? `a scan ${way} ended after ${count} of ${expected.length} entries`
    : undefined
}

async function lookUp(db: OpenEngine, key: Buffer, value: Buffer | undefined): Promise<string | undefined> {
  const found = await db.get(key)
  if (found === undefined) return value === undefined ? undefined : `${show(key)} is missing`
  if (value === undefined) return `${show(key)} is there, which was deleted or never written`
  return value.equals(found) ? undefined : `${show(key)} has a wrong value`
}

function show(bytes: Uint8Array): string {
  return JSON.stringify(Buffer.from(bytes.subarray(0, 20)).toString('latin1'))
}
