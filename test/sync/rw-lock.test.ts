import { describe, expect, it, vi } from 'vitest'
import { CONTROL_POISON } from '../../assembly/memory/layout.ts'
import { RwLock } from '../../src/sync/rw-lock.ts'
import { DATA, LOCK, lockThread, runLockThreads, sharedWords } from './threads.ts'

function locks(count: number, words = sharedWords()): RwLock[] {
  return Array.from(
    { length: count },
    (_, slot) => new RwLock(lockThread(words, slot), LOCK, 'versionHistory'),
  )
}

const PHASE = 1 << 28

/** The state word without the phase. */
function state(words: Int32Array): number {
  return Atomics.load(words, LOCK >>> 2) & ~PHASE
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2))
}

const timedOut: unknown = expect.objectContaining({ name: 'VarveError', code: 'LOCK_TIMEOUT' })

describe('RwLock on one thread', () => {
  it.each([
    ['read', 'read', true],
    ['read', 'write', false],
    ['write', 'read', false],
    ['write', 'write', false],
  ] as const)('%s inside, %s asked for: %s', (inside, asked, isLetIn) => {
    const words = sharedWords()
    const [a, b] = locks(2, words) as [RwLock, RwLock]
    const acquire = {
      read: (lock: RwLock) => lock.acquireRead(5),
      write: (lock: RwLock) => lock.acquireWrite(5),
    }
    const release = {
      read: (lock: RwLock) => lock.releaseRead(),
      write: (lock: RwLock) => lock.releaseWrite(),
    }
    acquire[inside](a)
    if (isLetIn) {
      acquire[asked](b)
      expect(a.slots()).toEqual([0, 1])
      release[asked](b)
    } else {
      expect(() => acquire[asked](b)).toThrow(timedOut)
      expect(a.statistics.waits).toBe(1)
      expect(a.statistics.waitedMicroseconds).toBeGreaterThanOrEqual(4_900)
    }
    expect(b.writerSlot).toBe(inside === 'write' ? 0 : undefined)
    expect(a.slots()).toEqual([0])
    release[inside](a)
    expect(state(words)).toBe(0)
    acquire[asked](b)
    release[asked](b)
    expect(a.slots()).toEqual([])
    expect(state(words)).toBe(0)
  })

  it('refuses a second acquisition by the same slot at once, whatever it holds', () => {
    const [a] = locks(1) as [RwLock]
    a.acquireRead()
    expect(() => a.acquireRead()).toThrow(/acquired twice/)
    expect(() => a.acquireWrite()).toThrow(/acquired twice/)
    a.releaseRead()
    a.acquireWrite()
    expect(() => a.acquireRead()).toThrow(/acquired twice/)
    expect(() => a.acquireWrite()).toThrow(/acquired twice/)
    a.releaseWrite()
    a.acquireRead()
  })

  it('refuses a release of what is not held', () => {
    const [a, b] = locks(2) as [RwLock, RwLock]
    expect(() => a.releaseRead()).toThrow(/not inside as a reader/)
    expect(() => a.releaseWrite()).toThrow(/not inside as a writer/)
    a.acquireWrite()
    expect(() => a.releaseRead()).toThrow(/not inside as a reader/)
    expect(() => b.releaseWrite()).toThrow(/not inside as a writer/)
    a.releaseWrite()
    a.acquireRead()
    expect(() => a.releaseWrite()).toThrow(/not inside as a writer/)
    expect(() => b.releaseRead()).toThrow(/not inside as a reader/)
  })

  it('keeps a reader that is let in at the moment it gives up', () => {
    const words = sharedWords()
    const [writer, reader] = locks(2, words) as [RwLock, RwLock]
    writer.acquireWrite()
    let calls = 0
    // The second look at the clock, with which the time is up.
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => {
      if (++calls === 2) writer.releaseWrite()
      return calls * 1000
    })
    try {
      reader.acquireRead(1000)
    } finally {
      clock.mockRestore()
    }
    expect(reader.slots()).toEqual([1])
    expect(() => writer.acquireWrite(1)).toThrow(timedOut)
    reader.releaseRead()
    expect(state(words)).toBe(0)
  })

  it('has room for 64 readers, and for a writer in the last slot', () => {
    const words = sharedWords()
    const all = locks(64, words)
    for (const lock of all) lock.acquireRead()
    expect(all[0]?.slots()).toHaveLength(64)
    for (const lock of all) lock.releaseRead()
    all[63]?.acquireWrite()
    expect(all[0]?.writerSlot).toBe(63)
    all[63]?.releaseWrite()
    expect(state(words)).toBe(0)
  })
})

describe('RwLock on four threads', () => {
  it('lets no reader see a half-written pair, lets readers in together, and one writer at a time', async () => {
    const words = sharedWords()
    const answers = await runLockThreads<{ torn: number; together: number; writes: number }>(
      words,
      4,
      `const first = DATA >>> 2, second = first + 16, inside = first + 32
       result = { torn: 0, together: 0, writes: 0 }
       for (let i = 0; i < 10_000; i++) {
         if ((i + thread) % 4 === 0) {
           lock.acquireWrite()
           words[first]++
           if (Atomics.load(words, inside) !== 0) result.torn++
           words[second]++
           result.writes++
           lock.releaseWrite()
         } else {
           lock.acquireRead()
           Atomics.add(words, inside, 1)
           const before = Atomics.load(words, first)
           if (i % 400 === thread) sleep(1)
           if (Atomics.load(words, inside) > 1) result.together++
           if (Atomics.load(words, second) !== before) result.torn++
           Atomics.sub(words, inside, 1)
           lock.releaseRead()
         }
       }`,
    )
    const total = (of: (answer: (typeof answers)[0]) => number): number =>
      answers.reduce((sum, answer) => sum + of(answer), 0)
    expect(total(({ torn }) => torn)).toBe(0)
    expect(total(({ together }) => together)).toBeGreaterThan(0)
    expect(words[DATA >>> 2]).toBe(total(({ writes }) => writes))
    expect(words[(DATA >>> 2) + 16]).toBe(words[DATA >>> 2])
    expect(state(words)).toBe(0)
  })

  it('stops new readers while a writer waits, and lets the waiting readers in before the next writer', async () => {
    const words = sharedWords()
    const [first, second] = [10, 11].map(
      (slot) => new RwLock(lockThread(words, slot), LOCK, 'versionHistory'),
    ) as [RwLock, RwLock]
    first.acquireRead()
    const order = DATA >>> 2
    const threads = runLockThreads<number>(
      words,
      4,
      `const waiting = (bits) => (Atomics.load(words, LOCK >>> 2) >>> bits) & 127
       const until = (condition) => { while (!condition()) sleep(2) }
       if (thread < 2) {
         if (thread === 1) until(() => waiting(14) === 1)
         lock.acquireWrite()
         if (thread === 0) until(() => waiting(7) === 2)
         result = Atomics.add(words, DATA >>> 2, 1)
         lock.releaseWrite()
       } else {
         until(() => waiting(14) === 2)
         lock.acquireRead()
         result = Atomics.add(words, DATA >>> 2, 1)
         // Both are inside together.
         until(() => Atomics.load(words, DATA >>> 2) >= 3)
         lock.releaseRead()
       }`,
    )
    await until(() => (Atomics.load(words, LOCK >>> 2) & ~PHASE) === 1 + 2 * 128 + 2 * 16384)
    expect(() => second.acquireRead(10)).toThrow(timedOut)
    expect(Atomics.load(words, order)).toBe(0)
    first.releaseRead()
    const [writer, nextWriter, ...readers] = await threads
    expect(writer).toBe(0)
    expect(readers.sort()).toEqual([1, 2])
    expect(nextWriter).toBe(3)
    expect(state(words)).toBe(0)
  })

  it('lets at most one writer in while a reader waits', async () => {
    const words = sharedWords()
    const answers = await runLockThreads<{ seenWaiting: number; passedOver: number }>(
      words,
      4,
      `const reads = DATA >>> 2, owed = reads + 1, readsThen = reads + 2
       result = { seenWaiting: 0, passedOver: 0 }
       const end = performance.now() + 800
       while (performance.now() < end) {
         if (thread === 3) {
           lock.acquireRead()
           Atomics.add(words, reads, 1)
           lock.releaseRead()
           continue
         }
         lock.acquireWrite()
         // A writer came in while the reader waited: the reader must have been inside before the next writer.
         if (words[owed] === 1 && Atomics.load(words, reads) === words[readsThen]) result.passedOver++
         words[owed] = 0
         if (((Atomics.load(words, LOCK >>> 2) >>> 7) & 127) === 1) {
           result.seenWaiting++
           words[owed] = 1
           words[readsThen] = Atomics.load(words, reads)
         }
         lock.releaseWrite()
       }`,
    )
    expect(answers.reduce((sum, { seenWaiting }) => sum + seenWaiting, 0)).toBeGreaterThan(10)
    expect(answers.map(({ passedOver }) => passedOver)).toEqual([0, 0, 0, 0])
  })

  it('lets waiting readers in when the writer that stopped them gives up', async () => {
    const words = sharedWords()
    const main = new RwLock(lockThread(words, 10), LOCK, 'versionHistory')
    main.acquireRead()
    const start = performance.now()
    const answers = await runLockThreads<string>(
      words,
      3,
      `const waiting = (bits) => (Atomics.load(words, LOCK >>> 2) >>> bits) & 127
       if (thread === 0) result = codeOf(() => lock.acquireWrite(150))
       else {
         while (waiting(14) === 0);
         result = codeOf(() => lock.acquireRead())
       }`,
    )
    expect(answers).toEqual(['LOCK_TIMEOUT', 'done', 'done'])
    expect(performance.now() - start).toBeLessThan(2000)
    expect(state(words)).toBe(3)
    expect(main.slots()).toEqual([1, 2, 10])
  })

  it('keeps its words in order while acquisitions time out', async () => {
    const words = sharedWords()
    const answers = await runLockThreads<{ writes: number; timedOut: number }>(
      words,
      4,
      `result = { writes: 0, timedOut: 0 }
       const end = performance.now() + 1000
       for (let i = thread; performance.now() < end; i++) {
         const timeoutMs = Math.random() * 24
         const isWriter = i % 3 === 0
         const code = codeOf(() => isWriter ? lock.acquireWrite(timeoutMs) : lock.acquireRead(timeoutMs))
         if (code === 'LOCK_TIMEOUT') { result.timedOut++; continue }
         if (code !== 'done') throw new Error(code)
         if (isWriter) { words[DATA >>> 2]++; result.writes++ }
         if (i % 8 === 0) sleep(2 + Math.random() * 20)
         if (isWriter) lock.releaseWrite()
         else lock.releaseRead()
       }`,
    )
    expect(words[DATA >>> 2]).toBe(answers.reduce((sum, { writes }) => sum + writes, 0))
    expect(answers.reduce((sum, answer) => sum + answer.timedOut, 0)).toBeGreaterThan(0)
    expect(state(words)).toBe(0)
    expect([...words.subarray((LOCK + 8) >>> 2, (LOCK + 16) >>> 2)]).toEqual([0, 0])
    expect([...words.subarray((LOCK + 32) >>> 2, (LOCK + 48) >>> 2)]).toEqual([0, 0, 0, 0])
  })

  it('wakes waiting readers and writers with POISONED within 100 ms', async () => {
    const words = sharedWords()
    const main = new RwLock(lockThread(words, 10), LOCK, 'versionHistory')
    main.acquireWrite()
    const threads = runLockThreads<{ code: string; ms: number }>(
      words,
      4,
      `const code = codeOf(() => thread % 2 ? lock.acquireRead() : lock.acquireWrite()); result = { code, ms: Date.now() }`,
    )
    await until(() => main.slots().length === 5)
    const poisonedMs = Date.now()
    Atomics.store(words, CONTROL_POISON >>> 2, 1)
    const ends = await threads
    expect(ends.map(({ code }) => code)).toEqual(['POISONED', 'POISONED', 'POISONED', 'POISONED'])
    expect(Math.max(...ends.map(({ ms }) => ms)) - poisonedMs).toBeLessThan(100)
    expect(main.slots()).toEqual([10])
  })
})
