import { describe, expect, it } from 'vitest'
import { LOCK_ORDER, LockOrder, type LockName } from '../../src/sync/lock-order.ts'
import { Mutex } from '../../src/sync/mutex.ts'
import { RwLock } from '../../src/sync/rw-lock.ts'
import { LOCK, lockThread, sharedWords } from './threads.ts'

const pairs = LOCK_ORDER.flatMap((first, i) =>
  LOCK_ORDER.map((second, j) => ({ first, second, isAllowed: i < j })),
)

describe('LockOrder', () => {
  it.each(pairs)('$second after $first: $isAllowed', ({ first, second, isAllowed }) => {
    const order = new LockOrder()
    order.check(first)
    order.acquired(first)
    if (isAllowed) order.check(second)
    else expect(() => order.check(second)).toThrow(`${second} asked for while ${first} is held`)
    order.released(first)
    order.check(second)
  })

  it('is asserted by mutexes and rw-locks before they wait, and follows releases in any order', () => {
    const words = sharedWords()
    const thread = lockThread(words, 0, new LockOrder())
    const stranger = new Mutex(lockThread(words, 1), LOCK, 'flush')
    const mutex = (name: LockName, at: number): Mutex => new Mutex(thread, LOCK + at, name)
    const flush = mutex('flush', 0)
    const manifest = mutex('manifest', 64)
    const journal = mutex('journal', 128)
    const history = new RwLock(thread, LOCK + 192, 'versionHistory')
    const otherHistory = new RwLock(thread, LOCK + 256, 'versionHistory')
    manifest.acquire()
    journal.acquire()
    history.acquireRead()
    expect(() => otherHistory.acquireRead()).toThrow(/lock order/)
    expect(() => otherHistory.acquireWrite()).toThrow(/lock order/)
    stranger.acquire()
    // Not a deadlock with who holds it: refused at once.
    expect(() => flush.acquire()).toThrow(/lock order: flush asked for while versionHistory is held/)
    expect(() => flush.tryAcquire()).toThrow(/lock order/)
    stranger.release()
    manifest.release()
    history.releaseRead()
    otherHistory.acquireWrite()
    journal.release()
    otherHistory.releaseWrite()
    flush.acquire()
    manifest.acquire()
    expect(otherHistory.slots()).toEqual([])
  })

  it('forgets a lock that was not obtained', () => {
    const words = sharedWords()
    const thread = lockThread(words, 0, new LockOrder())
    const stranger = new Mutex(lockThread(words, 1), LOCK, 'journal')
    stranger.acquire()
    const journal = new Mutex(thread, LOCK, 'journal')
    expect(() => journal.acquire(5)).toThrow(expect.objectContaining({ code: 'LOCK_TIMEOUT' }))
    new Mutex(thread, LOCK + 64, 'flush').acquire()
  })

  it('checks nothing without an order', () => {
    const thread = lockThread(sharedWords(), 0)
    new Mutex(thread, LOCK, 'pagePool').acquire()
    new Mutex(thread, LOCK + 64, 'flush').acquire()
  })
})
