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

type Note = (wrong: string) => void

export async function inspect(engine: Engine, directory: string, history: History): Promise<Observation> {
  let report: string | undefined
  let wrong: string | undefined
  const note: Note = (what) => (wrong ??= what)
  /** What a part throws is a report. */
  const attempt = async (part: () => Promise<void>): Promise<void> => {
    try {
      await part()
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
  if (expected === undefined) note('what is left is not what there was after any batch')
  else for (const part of parts(db, expected, history, note)) await attempt(part)
  const isSilent = report === undefined && wrong !== undefined
  const isEarlierState = isSilent && (await earlierState(db, history)) !== undefined
  await attempt(() => db.close())
  return { report, wrong, isEarlierState }
}

/** Everything that is asked of an engine that should have these entries. */
function parts(
  db: OpenEngine,
  expected: readonly Entry[],
  { absent }: History,
  note: Note,
): (() => Promise<void>)[] {
  const there = new Set(expected.map(([key]) => key.toString()))
  const gone = absent.filter((key) => !there.has(key.toString()))
  const lookUps: (readonly [Buffer, Buffer | undefined])[] = [
    ...expected,
    ...gone.map((key) => [key, undefined] as const),
  ]
  return [
    () => scan(db, expected, false, note),
    () => scan(db, expected, true, note),
    ...lookUps.map((entry) => () => lookUp(db, entry, note)),
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

/** Reads to the end: what is missing may be reported there. What is handed out, though it should not be, is wrong whatever comes after it. */
async function scan(db: OpenEngine, expected: readonly Entry[], reverse: boolean, note: Note): Promise<void> {
  const way = reverse ? 'backward' : 'forward'
  const entries = reverse ? expected.toReversed() : expected
  const isBefore = (a: Buffer, b: Uint8Array): boolean => a.compare(b) === (reverse ? 1 : -1)
  let next = 0
  let missing = 0
  let count = 0
  for await (const [key, value] of db.range(reverse)) {
    if (++count > 2 * entries.length) return note(`a scan ${way} does not end after ${count} entries`)
    for (let entry = entries[next]; entry !== undefined && isBefore(entry[0], key); entry = entries[next]) {
      missing++
      next++
    }
    const entry = entries[next]
    if (entry === undefined || !entry[0].equals(key)) note(`a scan ${way} came to ${show(key)}`)
    else {
      if (!entry[1].equals(value)) note(`a scan ${way} found a wrong value at ${show(key)}`)
      next++
    }
  }
  missing += entries.length - next
  if (missing > 0) note(`a scan ${way} left out ${missing} of ${entries.length} entries`)
}

async function lookUp(
  db: OpenEngine,
  [key, value]: readonly [Buffer, Buffer | undefined],
  note: Note,
): Promise<void> {
  const found = await db.get(key)
  if (found === undefined) return value === undefined ? undefined : note(`${show(key)} is missing`)
  if (value === undefined) return note(`${show(key)} is there, which was deleted or never written`)
  if (!value.equals(found)) note(`${show(key)} has a wrong value`)
}

function show(bytes: Uint8Array): string {
  return JSON.stringify(Buffer.from(bytes.subarray(0, 20)).toString('latin1'))
}
