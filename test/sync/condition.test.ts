import { describe, expect, it } from 'vitest'
import { CONTROL_POISON } from '../../assembly/memory/layout.ts'
import { Condition } from '../../src/sync/condition.ts'
import { LockThread } from '../../src/sync/lock-thread.ts'
import { Mutex } from '../../src/sync/mutex.ts'
import { CONDITION, DATA, LOCK, lockThread, runLockThreads, sharedWords } from './threads.ts'

function pair(words: Int32Array, slot: number): { mutex: Mutex; condition: Condition } {
  const thread = lockThread(words, slot)
  return { mutex: new Mutex(thread, LOCK, 'journal'), condition: new Condition(thread, CONDITION) }
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2))
}

describe('Condition', () => {
  it('times out with the mutex held', () => {
    const words = sharedWords()
    const { mutex, condition } = pair(words, 0)
    mutex.acquire()
    const start = performance.now()
    expect(condition.wait(mutex, 50)).toBe(false)
    expect(performance.now() - start).toBeGreaterThanOrEqual(49)
    expect(mutex.isHeld).toBe(true)
    expect(words[(CONDITION + 4) >>> 2]).toBe(0)
  })

  it('refuses to wait without the mutex, and where the thread may not sleep', () => {
    const words = sharedWords()
    const { mutex, condition } = pair(words, 0)
    expect(() => condition.wait(mutex)).toThrow(/not held/)
    const page = new LockThread(words, 1, false)
    const pageMutex = new Mutex(page, LOCK, 'journal')
    pageMutex.acquire()
    expect(() => new Condition(page, CONDITION).wait(pageMutex)).toThrow(
      expect.objectContaining({ code: 'LOCK_TIMEOUT' }),
    )
    expect(pageMutex.isHeld).toBe(true)
  })

  it('carries numbers from producers to consumers through a buffer of four, each once', async () => {
    const words = sharedWords()
    const count = 4_000
    const answers = await runLockThreads<{ sum: number; taken: number }>(
      words,
      4,
      `// One condition for both sides, so every change wakes all.
       const length = DATA >>> 2, next = length + 1, left = length + 2, buffer = length + 16
       result = { sum: 0, taken: 0 }
       if (thread < 2) {
         for (let i = 0; i < data; i++) {
           mutex.acquire()
           while (words[length] === 4) condition.wait(mutex)
           words[buffer + words[length]++] = ++words[next]
           condition.notifyAll()
           mutex.release()
         }
       } else {
         for (;;) {
           mutex.acquire()
           while (words[length] === 0 && words[left] < 2 * data) condition.wait(mutex)
           if (words[length] === 0) { mutex.release(); break }
           result.sum += words[buffer + --words[length]]
           result.taken++
           words[left]++
           condition.notifyAll()
           mutex.release()
         }
       }`,
      count,
    )
    const total = 2 * count
    expect(answers.reduce((sum, answer) => sum + answer.taken, 0)).toBe(total)
    expect(answers.reduce((sum, answer) => sum + answer.sum, 0)).toBe((total * (total + 1)) / 2)
  })

  it('notifyOne reaches a waiting thread each time, notifyAll all of them', async () => {
    const words = sharedWords()
    const { mutex, condition } = pair(words, 10)
    const tickets = DATA >>> 2
    const threads = runLockThreads<string>(
      words,
      4,
      `mutex.acquire()
       while (words[DATA >>> 2] === 0) condition.wait(mutex)
       words[DATA >>> 2]--
       mutex.release()
       Atomics.add(words, (DATA >>> 2) + 1, 1)
       result = 'through'`,
    )
    await until(() => words[(CONDITION + 4) >>> 2] === 4)
    for (let through = 1; through <= 2; through++) {
      mutex.acquire()
      words[tickets] = 1
      condition.notifyOne()
      mutex.release()
      await until(() => Atomics.load(words, tickets + 1) === through)
    }
    mutex.acquire()
    words[tickets] = 2
    condition.notifyAll()
    mutex.release()
    expect(await threads).toEqual(['through', 'through', 'through', 'through'])
  })

  it('ends with POISONED within 100 ms, and lets the mutex be released all the same', async () => {
    const words = sharedWords()
    const threads = runLockThreads<{ code: string; ms: number }>(
      words,
      3,
      `mutex.acquire()
       const code = codeOf(() => { try { condition.wait(mutex) } finally { mutex.release() } })
       result = { code, ms: Date.now() }`,
    )
    await until(() => words[(CONDITION + 4) >>> 2] === 3)
    const poisonedMs = Date.now()
    Atomics.store(words, CONTROL_POISON >>> 2, 1)
    const ends = await threads
    expect(ends.map(({ code }) => code)).toEqual(['POISONED', 'POISONED', 'POISONED'])
    expect(Math.max(...ends.map(({ ms }) => ms)) - poisonedMs).toBeLessThan(100)
    expect(pair(words, 0).mutex.ownerSlot).toBe(undefined)
  })
})
