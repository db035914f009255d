import { describe, expect, it } from 'vitest'
import { CONTROL_POISON } from '../../assembly/memory/layout.ts'
import { LockThread } from '../../src/sync/lock-thread.ts'
import { Mutex, MUTEX_BYTES } from '../../src/sync/mutex.ts'
import { DATA, LOCK, lockThread, runLockThreads, sharedWords } from './threads.ts'

function mutexes(count: number, words = sharedWords()): Mutex[] {
  return Array.from({ length: count }, (_, slot) => new Mutex(lockThread(words, slot), LOCK, 'journal'))
}

describe('Mutex on one thread', () => {
  it('holds the slot of its owner', () => {
    const [a, b] = mutexes(2) as [Mutex, Mutex]
    expect([a.ownerSlot, a.isHeld]).toEqual([undefined, false])
    a.acquire()
    expect([a.ownerSlot, b.ownerSlot, a.isHeld, b.isHeld]).toEqual([0, 0, true, false])
    a.release()
    b.acquire()
    expect(a.ownerSlot).toBe(1)
    expect(a.tryAcquire()).toBe(false)
    b.release()
    expect(a.tryAcquire()).toBe(true)
  })

  it('leaves all its words but the statistics zero', () => {
    const words = sharedWords()
    const [a, b] = mutexes(2, words) as [Mutex, Mutex]
    a.acquire()
    expect(() => b.acquire(30)).toThrow(expect.objectContaining({ code: 'LOCK_TIMEOUT' }))
    a.release()
    expect([...words.subarray(LOCK >>> 2, (LOCK >>> 2) + 4)]).toEqual([0, 0, 0, 0])
    expect(words.subarray((LOCK + MUTEX_BYTES) >>> 2).every((word) => word === 0)).toBe(true)
  })

  it('refuses a second acquisition by the same slot at once', () => {
    const words = sharedWords()
    const [a, twin] = [...mutexes(1, words), ...mutexes(1, words)] as [Mutex, Mutex]
    a.acquire()
    for (const again of [() => a.acquire(), () => twin.acquire(), () => twin.tryAcquire()]) {
      expect(again).toThrow(/acquired twice/)
    }
    expect(a.statistics.waits).toBe(0)
  })

  it('refuses a release by another than its owner, unless poisoned', () => {
    const words = sharedWords()
    const [a, b] = mutexes(2, words) as [Mutex, Mutex]
    expect(() => a.release()).toThrow(/does not hold it/)
    a.acquire()
    expect(() => b.release()).toThrow(/does not hold it/)
    words[CONTROL_POISON >>> 2] = 1
    b.release()
    expect(a.isHeld).toBe(true)
  })

  it('times out, and counts what it waited', () => {
    const [a, b] = mutexes(2) as [Mutex, Mutex]
    a.acquire()
    const start = performance.now()
    expect(() => b.acquire(50)).toThrow(expect.objectContaining({ name: 'VarveError', code: 'LOCK_TIMEOUT' }))
    const waitedMs = performance.now() - start
    expect(waitedMs).toBeGreaterThanOrEqual(49)
    expect(waitedMs).toBeLessThan(500)
    expect(b.statistics.waits).toBe(1)
    expect(b.statistics.waitedMicroseconds).toBeGreaterThanOrEqual(49_000)
    expect(a.statistics).toEqual(b.statistics)
    a.release()
    b.acquire()
    expect(b.statistics.waits).toBe(1)
  })

  it('tries for some milliseconds only where it may not sleep', () => {
    const words = sharedWords()
    const [a] = mutexes(1, words) as [Mutex]
    const page = new Mutex(new LockThread(words, 5, false), LOCK, 'journal')
    a.acquire()
    const start = performance.now()
    expect(() => page.acquire()).toThrow(expect.objectContaining({ code: 'LOCK_TIMEOUT' }))
    expect(performance.now() - start).toBeLessThan(100)
    a.release()
    page.acquire()
    expect(a.ownerSlot).toBe(5)
  })

  it('lets a free lock be taken in a poisoned database, so that it can be closed', () => {
    const words = sharedWords()
    words[CONTROL_POISON >>> 2] = 1
    const [a, b] = mutexes(2, words) as [Mutex, Mutex]
    a.acquire()
    expect(() => b.acquire()).toThrow(expect.objectContaining({ code: 'POISONED' }))
    a.release()
  })

  it.each([-1, 64, 0.5])('refuses slot %d', (slot) => {
    expect(() => new LockThread(sharedWords(), slot)).toThrow(RangeError)
  })
})

describe('Mutex on four threads', () => {
  it('lets one thread in at a time', async () => {
    const words = sharedWords()
    const rounds = 20_000
    await runLockThreads(
      words,
      4,
      `for (let i = 0; i < data; i++) {
         mutex.acquire()
         words[DATA >>> 2]++ // not atomic
         mutex.release()
       }`,
      rounds,
    )
    expect(words[DATA >>> 2]).toBe(4 * rounds)
    expect([...words.subarray(LOCK >>> 2, (LOCK >>> 2) + 4)]).toEqual([0, 0, 0, 0])
  })

  it('shows a lost update without the lock (control)', async () => {
    const words = sharedWords()
    await runLockThreads(
      words,
      2,
      `const counter = DATA >>> 2
       for (let i = 0; i < 2_000_000; i++) Atomics.store(words, counter, Atomics.load(words, counter) + 1)`,
    )
    expect(words[DATA >>> 2]).toBeLessThan(4_000_000)
  })

  it('starves nobody: three threads that take it again at once leave it to the fourth', async () => {
    const words = sharedWords()
    // Thread 0 asks 20 times; the others hold it nearly always, until thread 0 has finished.
    const answers = await runLockThreads<number>(
      words,
      4,
      `const done = (DATA >>> 2) + 1
       if (thread === 0) {
         sleep(20)
         result = 0
         for (let i = 0; i < 20; i++) {
           const before = Atomics.load(words, DATA >>> 2)
           mutex.acquire()
           result = Math.max(result, Atomics.load(words, DATA >>> 2) - before)
           mutex.release()
         }
         Atomics.store(words, done, 1)
       } else {
         while (Atomics.load(words, done) === 0) {
           mutex.acquire()
           Atomics.add(words, DATA >>> 2, 1)
           const end = performance.now() + 1
           while (performance.now() < end);
           mutex.release()
         }
       }`,
    )
    // One slice until it starves, in which the others may come in some 20 times, and then each of them once more.
    expect(answers[0]).toBeLessThan(60)
  })

  it('hands a lock that is never seen free to the starving in slot order', async () => {
    const words = sharedWords()
    const main = new Mutex(lockThread(words, 10), LOCK, 'journal')
    main.acquire()
    const threads = runLockThreads<number>(
      words,
      4,
      `mutex.acquire(); result = Atomics.add(words, DATA >>> 2, 1); mutex.release()`,
    )
    // All four are starving when their bits are set.
    while (Atomics.load(words, (LOCK + 8) >>> 2) !== 15)
      await new Promise((resolve) => setTimeout(resolve, 5))
    main.release()
    expect(main.ownerSlot).not.toBe(10)
    expect(await threads).toEqual([0, 1, 2, 3])
  })

  it('times out while others go on, and loses no hand-over', async () => {
    const words = sharedWords()
    const codes = await runLockThreads<{ done: number; timedOut: number }>(
      words,
      4,
      `result = { done: 0, timedOut: 0 }
       const end = performance.now() + 800
       while (performance.now() < end) {
         const code = codeOf(() => mutex.acquire(thread === 0 ? Infinity : 1 + 21 * Math.random()))
         if (code === 'LOCK_TIMEOUT') { result.timedOut++; continue }
         if (code !== 'done') throw new Error(code)
         result.done++
         words[DATA >>> 2]++
         if (result.done % 8 === 0) sleep(2)
         mutex.release()
       }`,
    )
    expect(words[DATA >>> 2]).toBe(codes.reduce((sum, { done }) => sum + done, 0))
    expect(codes.reduce((sum, { timedOut }) => sum + timedOut, 0)).toBeGreaterThan(0)
    expect([...words.subarray(LOCK >>> 2, (LOCK >>> 2) + 4)]).toEqual([0, 0, 0, 0])
  })

  it('wakes all waiting threads with POISONED within 100 ms', async () => {
    const words = sharedWords()
    const main = new Mutex(lockThread(words, 10), LOCK, 'journal')
    main.acquire()
    const threads = runLockThreads<{ code: string; ms: number }>(
      words,
      4,
      `const code = codeOf(() => mutex.acquire()); result = { code, ms: Date.now() }`,
    )
    while (Atomics.load(words, (LOCK + 4) >>> 2) !== 4) await new Promise((resolve) => setTimeout(resolve, 5))
    const poisonedMs = Date.now()
    Atomics.store(words, CONTROL_POISON >>> 2, 1)
    const ends = await threads
    expect(ends.map(({ code }) => code)).toEqual(['POISONED', 'POISONED', 'POISONED', 'POISONED'])
    expect(Math.max(...ends.map(({ ms }) => ms)) - poisonedMs).toBeLessThan(100)
    expect([...words.subarray((LOCK + 4) >>> 2, (LOCK >>> 2) + 4)]).toEqual([0, 0, 0])
  })
})
