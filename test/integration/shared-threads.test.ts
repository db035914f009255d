import { mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  CONTROL_FREE_PAGES,
  CONTROL_JOURNAL_LOCK,
  CONTROL_SNAPSHOTS_LIVE,
  CONTROL_SYNC_TURN,
} from '../../assembly/memory/layout.ts'
import { takenSlots } from '../../src/engine/critical-section.ts'
import { attach, open } from '../../src/index.ts'
import type { Database, SharedDatabase } from '../../src/api/exports.ts'
import { expectCode } from '../api/support.ts'
import { startGuest } from '../support/guests.ts'
import { engineOf } from './regressions/support.ts'

const TEXT = { keyEncoding: 'utf8', valueEncoding: 'utf8' } as const
type Text = Database<'utf8', 'utf8'>

let directory: string
let db: Text

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'varve-shared-'))
  db = await open(directory, { ...TEXT, memoryLimit: 32 << 20, memtableSize: 1 << 20 })
})

afterEach(async () => {
  await db.close().catch(() => undefined)
  rmSync(directory, { recursive: true, force: true })
})

function words(): Int32Array {
  return engineOf(db).kernel.words
}

/** What must be as before when a thread has left or ended: slots, pages, snapshots. */
function held(): { slots: number; snapshots: number; freePages: number } {
  return {
    slots: takenSlots(words()).length,
    snapshots: words()[CONTROL_SNAPSHOTS_LIVE >>> 2] as number,
    freePages: words()[CONTROL_FREE_PAGES >>> 2] as number,
  }
}

/** Files of the database that this process has open. */
function openFiles(): string[] {
  return readdirSync('/proc/self/fd').flatMap((descriptor) => {
    try {
      const path = readlinkSync(`/proc/self/fd/${descriptor}`)
      return path.startsWith(directory) ? [path] : []
    } catch {
      return []
    }
  })
}

/** Waits, at most some seconds, until no file is open that is deleted. */
async function expectNoDeletedOpen(): Promise<void> {
  const deleted = (): string[] => openFiles().filter((path) => path.endsWith(' (deleted)'))
  for (let i = 0; i < 300 && deleted().length > 0; i++)
    await new Promise((resolve) => setTimeout(resolve, 10))
  expect(deleted()).toEqual([])
}

/** Waits, at most some seconds, until that is as it was. */
async function expectHeld(before: ReturnType<typeof held>): Promise<void> {
  for (let i = 0; i < 300 && JSON.stringify(held()) !== JSON.stringify(before); i++) {
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  expect(held()).toEqual(before)
}

/** Runs `step` twice: the second time everything must be as before. NOTE: the first one makes what stays for good, such as the area of snapshots. */
async function expectNothingKept(step: () => Promise<void>): Promise<void> {
  // The thread here, and the keeper's.
  const slots = 2
  await step()
  for (let i = 0; i < 200 && held().slots > slots; i++)
    await new Promise((resolve) => setTimeout(resolve, 10))
  await new Promise((resolve) => setTimeout(resolve, 50))
  // NOTE: a write tops up the pages that are paid for the next one.
  db.putSync('settled', '')
  const before = held()
  await step()
  db.putSync('settled', '')
  await expectHeld(before)
}

describe('attach()', () => {
  it('gives another thread the whole database on the same memory', async () => {
    const users = db.keyspaceSync('users', TEXT)
    db.putSync('a', 'owner')
    users.putSync('u', 'owner')
    const guest = startGuest(
      await db.share(),
      `const users = db.keyspaceSync('users', { keyEncoding: 'utf8', valueEncoding: 'utf8' })
       say([db.getSync('a'), await users.get('u'), [...db.rangeSync()].length, db.keyspaces()])
       db.putSync('b', 'guest')
       await db.batch().put('c', 'guest').put(users, 'v', 'guest').commit({ durability: 'sync' })
       const made = db.keyspaceSync('made', { valueEncoding: 'json' })
       made.putSync('j', { n: 1 })
       const snapshot = db.snapshot()
       say(db.getSync('b'))
       await heard()
       say([db.getSync('a'), snapshot.getSync('a'), db.countSync(), await db.getMany(['a', 'b', 'x'])])
       snapshot.close()
       await db.flush()
       await db.close()
       try { db.getSync('a') } catch ({ code }) { say(code) }`,
    )
    expect(await guest.next()).toEqual(['owner', 'owner', 1, ['users']])
    expect(await guest.next()).toBe('guest')
    expect(db.getSync('b')).toBe('guest')
    expect(users.getSync('v')).toBe('guest')
    expect(db.keyspaceSync('made', { valueEncoding: 'json' }).getSync('j')).toEqual({ n: 1 })
    db.putSync('a', 'again')
    expect(await guest.ask('go')).toEqual(['again', 'owner', 3, ['again', 'guest', undefined]])
    expect(await guest.next()).toBe('CLOSED')
    expect(await guest.ended).toBe(0)
    expect(db.getSync('a')).toBe('again')
  })

  it(
    'and close() on it, a hundred times, leave slots, pages and descriptors as they were',
    { timeout: 60_000 },
    async () => {
      const descriptors = readdirSync('/proc/self/fd').length
      const attachOften = async (): Promise<void> => {
        for (let i = 0; i < 10; i++) {
          const guests = await Promise.all(
            Array.from({ length: 5 }, async (_, n) =>
              startGuest(
                await db.share(),
                `db.putSync('k${n}', 'v'); const snapshot = db.snapshot(); for (const _ of db.rangeSync()) break; db.getSlice('k${n}')
                 say(db.countSync()); await db.close()`,
              ),
            ),
          )
          for (const guest of guests) await guest.ended
        }
      }
      await expectNothingKept(attachOften)
      // NOTE: threads of the pool and the monitor have some.
      expect(readdirSync('/proc/self/fd').length).toBeLessThanOrEqual(descriptors + 20)
    },
  )

  it('takes nothing but a handle, once', async () => {
    for (const wrong of [undefined, null, 1, 'x', {}, { kind: 'varve.shared.1' }]) {
      expect(() => attach(wrong as unknown as SharedDatabase)).toThrow(TypeError)
    }
    const handle = await db.share()
    const here = attach<'utf8', 'utf8'>(handle)
    here.putSync('k', 'v')
    expect(db.getSync('k')).toBe('v')
    expect(() => attach(handle)).toThrow(TypeError)
    await expectCode('NOT_SUPPORTED', () => here.share())
    await here.close()
    expect(db.getSync('k')).toBe('v')
  })

  it('needs a background thread', async () => {
    const alone = await open(join(directory, 'alone'), { threads: 0 })
    await expectCode('NOT_SUPPORTED', () => alone.share())
    await alone.close()
  })

  it('is refused when no slot is left, and possible again when one is', { timeout: 60_000 }, async () => {
    const handles: SharedDatabase[] = []
    await expectCode('NO_MEMORY', async () => {
      for (;;) handles.push(await db.share())
    })
    expect(handles.length).toBeGreaterThan(50)
    await attach(handles.pop() as SharedDatabase).close()
    await attach(await db.share()).close()
  })
})

describe('a thread that ends', () => {
  it('without attaching gives its slot back', async () => {
    await expectNothingKept(async () => {
      await startGuest(await db.share(), '', false).ended
    })
  })

  it('by terminate() between calls gives back slot, pages and snapshots, and the others go on', async () => {
    await expectNothingKept(async () => {
      const guest = startGuest(
        await db.share(),
        `globalThis.snapshot = db.snapshot(); globalThis.range = db.rangeSync(); range.next()
         db.putSync('k', 'guest'); say(1); await heard()`,
      )
      await guest.next()
      expect(held().snapshots).toBe(1)
      await guest.worker.terminate()
    })
    db.putSync('l', 'owner')
    expect(db.getSync('k')).toBe('guest')
    await db.flush()
  })

  it('in the middle of asynchronous reads leaves no table open', async () => {
    for (let i = 0; i < 1000; i++) db.putSync(`k${i}`, 'v'.repeat(1000))
    await db.flush()
    const guest = startGuest(
      await db.share(),
      `require('node:fs').read = () => {}; require('node:module').syncBuiltinESMExports()
       for (let i = 0; i < 1000; i++) db.get('k' + i); say(1); await heard()`,
    )
    await guest.next()
    await db.clear()
    // NOTE: the reads keep the table; else this test shows nothing.
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(openFiles().some((path) => path.endsWith('.sst'))).toBe(true)
    await guest.worker.terminate()
    for (let i = 0; i < 300 && openFiles().some((path) => path.endsWith('.sst')); i++)
      await new Promise((resolve) => setTimeout(resolve, 10))
    expect(openFiles().filter((path) => path.includes('.sst'))).toEqual([])
  })

  it('while it waits for its turn to sync leaves no journal open', async () => {
    const guest = startGuest(
      await db.share(),
      `say(1); await heard(); db.putSync('k', 'v', { durability: 'sync' }); say('synced')`,
    )
    await guest.next()
    // NOTE: as if this thread were in the middle of a sync.
    Atomics.store(words(), CONTROL_SYNC_TURN >>> 2, engineOf(db).kernel.slotIndex + 1)
    guest.worker.postMessage('go')
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(db.getSync('k')).toBe('v')
    await guest.worker.terminate()
    Atomics.store(words(), CONTROL_SYNC_TURN >>> 2, 0)
    for (let i = 0; i < 20_000; i++) db.putSync(`k${i % 1000}`, 'v'.repeat(1000))
    await db.flush()
    await expectNoDeletedOpen()
  })

  it('in a critical section poisons within 100 ms, also for who sleeps', { timeout: 20_000 }, async () => {
    const sleeper = startGuest(
      await db.share(),
      `say(1); await heard()
       try { db.putSync('k', 'v'); say('written') } catch ({ code }) { say(code) }`,
    )
    // NOTE: what a thread leaves behind that is terminated under the lock.
    const holder = startGuest(
      await db.share(),
      `Atomics.store(words, ${CONTROL_JOURNAL_LOCK >>> 2}, slot + 1); say(1); await heard()`,
    )
    await Promise.all([sleeper.next(), holder.next()])
    const refused = sleeper.ask('go')
    await new Promise((resolve) => setTimeout(resolve, 100))
    const startMs = performance.now()
    const ended = holder.worker.terminate()
    expect(await refused).toBe('POISONED')
    expect(performance.now() - startMs).toBeLessThan(100)
    await ended
    expect(() => db.putSync('k', 'v')).toThrow(expect.objectContaining({ code: 'POISONED' }))
    expect(db.getSync('k')).toBeUndefined()
    await expectCode('POISONED', () => db.close())
    await sleeper.ended
    // Those of the database are closed; the monitor has some.
    expect(openFiles()).toEqual([])
  })

  it(
    'while it writes, at any moment, stops nobody for good and loses nothing acknowledged',
    { timeout: 60_000 },
    async () => {
      let poisoned = 0
      for (let round = 0; round < 12; round++) {
        const guest = startGuest(
          await db.share(),
          `say(1); for (let i = 0; ; i++) { db.putSync('g' + i, 'v'.repeat(200)); Atomics.store(words, ${(CONTROL_FREE_PAGES >>> 2) - 200}, i + 1) }`,
        )
        await guest.next()
        const done = words()
        await new Promise((resolve) => setTimeout(resolve, 5 + round * 7))
        await guest.worker.terminate()
        const last = done[(CONTROL_FREE_PAGES >>> 2) - 200] as number
        const startMs = performance.now()
        try {
          db.putSync(`o${round}`, 'v')
        } catch (error) {
          expect(error).toMatchObject({ code: 'POISONED' })
          poisoned++
        }
        expect(performance.now() - startMs).toBeLessThan(1000)
        if (poisoned > 0) await expectCode('POISONED', () => db.close())
        else await db.close()
        db = await open(directory, { ...TEXT, memoryLimit: 32 << 20, memtableSize: 1 << 20 })
        if (last > 0)
          for (const i of [0, last >>> 1, last - 1])
            expect(db.getSync(`g${i}`), `entry ${i}`).toBe('v'.repeat(200))
        poisoned = 0
      }
    },
  )
})

describe('the owner', () => {
  it('closing ends all others: idle, in calls, in loops; nothing hangs', { timeout: 30_000 }, async () => {
    const scripts = [
      `say(1); await heard(); try { db.getSync('a') } catch ({ code }) { say(code) }`,
      `say(1); try { for (let i = 0; ; i++) db.putSync('p' + i, 'v') } catch ({ code }) { say(code) }`,
      `say(1); try { for (;;) db.countSync() } catch ({ code }) { say(code) }`,
      `say(1); try { for (let i = 0; ; i++) await db.put('q' + i, 'v', { durability: 'sync' }) } catch ({ code }) { say(code) }`,
      `say(1); try { for (;;) await db.flush() } catch ({ code }) { say(code) }`,
    ]
    const guests = await Promise.all(scripts.map(async (script) => startGuest(await db.share(), script)))
    for (const guest of guests) await guest.next()
    await new Promise((resolve) => setTimeout(resolve, 100))
    await db.close()
    guests[0]?.worker.postMessage('go')
    for (const guest of guests) {
      expect(await guest.next()).toBe('CLOSED')
      expect(await guest.ended).toBe(0)
    }
    db = await open(directory, TEXT)
    expect(db.recovery.droppedBytes).toBe(0)
  })

  it('on a thread that is terminated leaves the others a typed error', { timeout: 30_000 }, async () => {
    const location = join(directory, 'owned')
    const owner = startGuest(
      await db.share(),
      `const own = await open(${JSON.stringify(location)}, { keyEncoding: 'utf8', valueEncoding: 'utf8' })
       own.putSync('a', '1')
       const shared = await own.share()
       require('node:worker_threads').parentPort.postMessage(shared, shared.transfer)
       await heard()`,
    )
    const guest = attach<'utf8', 'utf8'>((await owner.next()) as SharedDatabase)
    expect(guest.getSync('a')).toBe('1')
    guest.putSync('b', '2')
    await owner.worker.terminate()
    const startMs = performance.now()
    let code = ''
    while (code === '' && performance.now() - startMs < 10_000) {
      try {
        guest.putSync('c', '3')
        await new Promise((resolve) => setTimeout(resolve, 5))
      } catch (error) {
        code = (error as { code: string }).code
      }
    }
    expect(code).toBe('POISONED')
    expect(performance.now() - startMs).toBeLessThan(1000)
    await guest.close()
    const again = await open(location, TEXT)
    expect(again.getSync('b')).toBe('2')
    await again.close()
  })
})
