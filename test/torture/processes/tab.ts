/**
 * A tab of takeover.ts: writes `<name> <i>` one after the other, reads some of them again, and passes on what was acknowledged; can be asked how many of another tab's there are, and how long it waited for an answer at most.
 */
import { open, VarveError, type Database } from '../../../src/browser.ts'

/** What a tab does when it is asked. */
export interface Tab {
  /** Opens the database; resolves when the first write is acknowledged, and goes on writing. */
  begin(name: string): Promise<void>
  /** Ends writing. @returns the longest time between two answers */
  end(): Promise<{ longestMs: number; failed: number }>
  /** How many steps of a tab are there without a gap. */
  stepsOf(name: string): Promise<number>
  close(): Promise<void>
}

declare function told(name: string, acknowledged: number): Promise<void>

/** Acknowledgements on their way to the listener, at most. */
const MOST_UNTOLD = 200
/** One step of so many is read after each step that follows it. */
const READ_AGAIN = 16

const keyOf = (name: string, step: number): string => `${name} ${String(step).padStart(8, '0')}`
const valueOf = (step: number): string => `${step} `.repeat(20)

let db: Database<'utf8', 'utf8'>
let isEnding = false
let writing: Promise<void>
let longestMs = 0
let failed = 0
let untold = 0

async function write(name: string, onFirst: () => void): Promise<void> {
  let before = performance.now()
  const answered = (): void => {
    const now = performance.now()
    longestMs = Math.max(longestMs, now - before)
    before = now
  }
  for (let i = 0; !isEnding; i++) {
    try {
      await db.put(keyOf(name, i), valueOf(i))
    } catch (error) {
      // NOTE: whether it was written is not known: written again, it is the same.
      if (!(error instanceof VarveError) || error.code !== 'ABORTED') throw error
      failed++
      i--
      continue
    }
    answered()
    const again = i - (i % READ_AGAIN)
    if ((await db.get(keyOf(name, again))) !== valueOf(again)) throw new Error(`step ${again} is not there`)
    answered()
    const passedOn = told(name, i).finally(() => untold--)
    if (i === 0) onFirst()
    // NOTE: a listener that is slower than the writes would hear of the end of a tab long after it.
    if (++untold < MOST_UNTOLD) continue
    await passedOn
    before = performance.now()
  }
}

const tab: Tab = {
  async begin(name) {
    db = await open('takeover', { keyEncoding: 'utf8', valueEncoding: 'utf8', memoryLimit: 32 << 20 })
    await new Promise<void>((resolve, reject) => {
      writing = write(name, resolve)
      writing.catch(reject)
    })
  },
  async end() {
    isEnding = true
    await writing
    return { longestMs, failed }
  },
  async stepsOf(name) {
    let steps = 0
    for await (const key of db.keys({ prefix: `${name} ` })) {
      if (key !== keyOf(name, steps)) break
      steps++
    }
    return steps
  },
  close: () => db.close(),
}

Object.assign(globalThis, { tab })
