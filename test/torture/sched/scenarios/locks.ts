/** The locks of src/sync: nobody is inside with another, nobody waits for ever, and whoever waits for a dead thread can be told whom for. */
import { CONTROL_POISON, PAGE_BYTES } from '../../../../assembly/memory/layout.ts'
import type { Condition } from '../../../../src/sync/condition.ts'
import type { Mutex } from '../../../../src/sync/mutex.ts'
import type { RwLock } from '../../../../src/sync/rw-lock.ts'
import type { ExploredSources } from '../explored-sources.ts'
import { KernelWorld } from '../kernel-world.ts'
import type { ThreadDoor } from '../replayed-thread.ts'
import type { Body, End, Scene } from '../scene.ts'
import { expectThat, Violation } from '../violation.ts'

/**
 * Of a mutex: `lock` and let go; `lock 20`, giving up after 20 ms; `try`. Of a lock for readers and a writer: `read`, `write`, with or without a
 * time. `await`, `await 20`: waits on a condition for `signal` or `signal all`. `poison`: what the monitor does.
 */
export type LockMove =
  | 'lock'
  | 'lock 20'
  | 'try'
  | 'read'
  | 'read 20'
  | 'write'
  | 'write 20'
  | 'await'
  | 'await 20'
  | 'signal'
  | 'signal all'
  | 'poison'

export interface LockSetup {
  readonly threads: readonly (readonly LockMove[])[]
  readonly timeouts?: number
  /** Threads that may not sleep. */
  readonly impatient?: readonly number[]
  readonly isOrdered?: boolean
}

/** In page 1, which nobody else has. */
const LOCK: number = PAGE_BYTES + 2048
const RW_LOCK: number = PAGE_BYTES + 2176
const CONDITION: number = PAGE_BYTES + 2304
/** What each of the two guards: two words, written one after the other, and the same whenever nobody writes. */
const BY_MUTEX: number = PAGE_BYTES + 2432
const BY_RW_LOCK: number = PAGE_BYTES + 2448
const SIGNALS: number = PAGE_BYTES + 2464

/** A thread's doors to what all work on. */
interface Doors {
  readonly mutex: Mutex
  readonly rwLock: RwLock
  readonly condition: Condition
  peek(address: number): number
  poke(address: number, value: number): void
}

export class LockScene implements Scene {
  readonly world: KernelWorld = new KernelWorld(2)
  readonly timeouts: number
  readonly #setup: LockSetup
  readonly #words: Int32Array = this.world.i32
  #look: Doors | undefined
  /** Writes by the address of what was written. */
  #written: Record<number, number> = {}
  #finished: number[] = []
  #isPoisoned = false

  constructor(setup: LockSetup) {
    this.#setup = setup
    this.timeouts = setup.timeouts ?? 0
    this.world.u8.fill(0, PAGE_BYTES)
  }

  bodies(locks: ExploredSources): readonly Body[] {
    const words = this.#words
    this.#look = this.#doors(locks, words, 2, false)
    const { threads, isOrdered = false } = this.#setup
    return threads.map((moves, t) => {
      const fixed = this.#doors(locks, words, t, false)
      return (door) => {
        // NOTE: an order keeps what is held, so each run needs a new one.
        const doors = isOrdered ? this.#doors(locks, words, t, true) : fixed
        for (const move of moves) this.#do(move, doors, door)
        door.once(() => this.#finished.push(t))
      }
    })
  }

  #doors(locks: ExploredSources, words: Int32Array, slot: number, isOrdered: boolean): Doors {
    const isPatient = this.#setup.impatient?.includes(slot) !== true
    const thread = new locks.LockThread(words, slot, isPatient, isOrdered ? new locks.LockOrder() : undefined)
    return {
      mutex: new locks.Mutex(thread, LOCK, 'journal'),
      rwLock: new locks.RwLock(thread, RW_LOCK, 'versionHistory'),
      condition: new locks.Condition(thread, CONDITION),
      peek: (address: number) => locks.peek(words, address),
      poke: (address: number, value: number) => locks.poke(words, address, value),
    }
  }

  begin(): void {
    this.#written = {}
    this.#finished = []
    this.#isPoisoned = false
  }

  check(end: End): void {
    const word = (address: number): number => this.#words[address >>> 2] as number
    const isDead = end.dead >= 0
    for (const data of [BY_MUTEX, BY_RW_LOCK]) {
      const written = this.#written[data] ?? 0
      const [first, second] = [word(data), word(data + 8)]
      expectThat(
        first === written || (isDead && first === written + 1),
        () => `${written} writes left ${first}`,
      )
      expectThat(isDead || first === second, () => `a write is half done: ${first}, ${second}`)
    }
    if (isDead) return
    const { mutex, rwLock } = this.#look as Doors
    expectThat(mutex.ownerSlot === undefined, () => `the mutex is left to slot ${mutex.ownerSlot}`)
    expectThat(
      rwLock.writerSlot === undefined && rwLock.slots().length === 0,
      () => `the lock is left to ${rwLock.slots().join()}`,
    )
    expectThat(
      this.#words.subarray(LOCK >>> 2, (LOCK >>> 2) + 4).every((value) => value === 0),
      () => 'the mutex counts somebody',
    )
    expectThat((word(RW_LOCK) & ~(1 << 28)) === 0, () => `the state of the lock is ${word(RW_LOCK)}`)
    expectThat(word(CONDITION + 4) === 0, () => 'the condition counts somebody')
    expectThat(
      mutex.statistics.waits >= 0 && rwLock.statistics.waits >= 0,
      () => 'the statistics are negative',
    )
  }

  stuck(end: End): void {
    const { mutex, rwLock } = this.#look as Doors
    const isOwner = mutex.ownerSlot === end.dead || rwLock.slots().includes(end.dead)
    // NOTE: for a signal that a dead thread owed, somebody waits whom no word tells of: whoever signals must be watched besides.
    const owes = this.#setup.threads[end.dead]?.some((move) => /^(?:signal|poison)/.test(move)) === true
    expectThat(isOwner || owes, () => `thread ${end.dead} is dead, the others wait, and no lock names it`)
    this.#isPoisoned = true
  }

  #do(move: LockMove, doors: Doors, door: ThreadDoor): void {
    const [name, argument] = move.split(' ')
    try {
      this.#act(name as string, argument, doors, door)
    } catch (error) {
      const code = codeOf(error)
      const mayTimeOut = argument === '20' || (this.#setup.impatient?.length ?? 0) > 0
      if (code === 'LOCK_TIMEOUT' && mayTimeOut) return
      if (code === 'POISONED' && (this.#isPoisoned || this.#words[CONTROL_POISON >>> 2] !== 0)) return
      throw error
    }
  }

  #act(name: string, argument: string | undefined, doors: Doors, door: ThreadDoor): void {
    const { mutex, rwLock, condition } = doors
    const ms = argument === '20' ? 20 : undefined
    switch (name) {
      case 'lock':
        mutex.acquire(ms)
        this.#write(BY_MUTEX, doors, door)
        return mutex.release()
      case 'try':
        if (!mutex.tryAcquire()) return
        this.#write(BY_MUTEX, doors, door)
        return mutex.release()
      case 'write':
        rwLock.acquireWrite(ms)
        this.#write(BY_RW_LOCK, doors, door)
        return rwLock.releaseWrite()
      case 'read': {
        rwLock.acquireRead(ms)
        const [first, second] = [doors.peek(BY_RW_LOCK), doors.peek(BY_RW_LOCK + 8)]
        if (first !== second) throw new Violation(`a reader sees ${first} and ${second}`)
        return rwLock.releaseRead()
      }
      case 'await':
        mutex.acquire()
        while (doors.peek(SIGNALS) === 0) if (!condition.wait(mutex, ms)) break
        if (doors.peek(SIGNALS) > 0) doors.poke(SIGNALS, doors.peek(SIGNALS) - 1)
        return mutex.release()
      case 'signal':
        mutex.acquire()
        doors.poke(SIGNALS, argument === 'all' ? 2 : doors.peek(SIGNALS) + 1)
        if (argument === 'all') condition.notifyAll()
        else condition.notifyOne()
        return mutex.release()
      default:
        doors.poke(CONTROL_POISON, 1)
    }
  }

  #write(data: number, doors: Doors, door: ThreadDoor): void {
    const value = doors.peek(data)
    doors.poke(data, value + 1)
    doors.poke(data + 8, value + 1)
    door.once(() => (this.#written[data] = (this.#written[data] ?? 0) + 1))
  }
}

function codeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined
}
