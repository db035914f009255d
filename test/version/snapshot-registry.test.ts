import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { CONTROL_DROP_BARRIER, CONTROL_VISIBLE_SEQNO } from '../../assembly/memory/layout.ts'
import { AREA_SLOTS, SnapshotRegistry, type Registration } from '../../src/version/snapshot-registry.ts'
import { runLockThreads, sharedWords } from '../sync/threads.ts'
import { publish, registryMemory } from './history-world.ts'

function world(visible = 1): {
  memory: SharedArrayBuffer
  registry: SnapshotRegistry
  other: SnapshotRegistry
} {
  const { memory, allocator } = registryMemory()
  publish(memory, visible)
  return {
    memory,
    registry: new SnapshotRegistry(memory, allocator),
    other: new SnapshotRegistry(memory, allocator),
  }
}

describe('SnapshotRegistry', () => {
  it('lists the registered seqnos of all threads, ascending, each once', () => {
    const { memory, registry, other } = world(7)
    const first = registry.register()
    const second = other.register()
    publish(memory, 2 ** 53 - 1)
    const third = other.register()
    expect([first, second, third].map(({ seqno }) => seqno)).toEqual([7, 7, 2 ** 53 - 1])
    const earlier = registry.register(3)
    expect(registry.live()).toEqual([3, 7, 2 ** 53 - 1])
    expect(other.live()).toEqual(registry.live())
    expect(other.oldest()).toBe(3)
    // Any thread may release.
    other.release(earlier)
    registry.release(second)
    expect(registry.live()).toEqual([7, 2 ** 53 - 1])
    registry.release(first)
    registry.release(third)
    expect([registry.live(), registry.oldest()]).toEqual([[], undefined])
  })

  it('refuses to release twice', () => {
    const { registry } = world()
    const snapshot = registry.register()
    registry.release(snapshot)
    expect(() => registry.release(snapshot)).toThrow(/released twice/)
  })

  it('raises the barrier to visibleSeqno and never lowers it', () => {
    const { memory, registry } = world(5)
    expect(registry.dropBarrier).toBe(0)
    expect(registry.raiseBarrier()).toBe(5)
    publish(memory, 9)
    expect(registry.dropBarrier).toBe(5)
    expect(registry.raiseBarrier()).toBe(9)
    Atomics.store(new BigInt64Array(memory), CONTROL_DROP_BARRIER >>> 3, 12n)
    expect(registry.raiseBarrier()).toBe(12)
    expect(registry.dropBarrier).toBe(12)
  })

  it.each([
    [6, 8],
    [8, 8],
    [12, 12],
  ])('another dropper raises it to %d in the same moment: B is %d', (others, barrier) => {
    const { memory, registry } = world(8)
    const longs = new BigInt64Array(memory)
    // The first exchange fails, because the word is not what it was.
    const spy = vi.spyOn(Atomics, 'compareExchange').mockImplementationOnce(() => {
      Atomics.store(longs, CONTROL_DROP_BARRIER >>> 3, BigInt(others))
      return BigInt(others)
    })
    try {
      expect(registry.raiseBarrier()).toBe(barrier)
    } finally {
      spy.mockRestore()
    }
    expect(registry.dropBarrier).toBe(barrier)
  })

  it('refuses to register 0, which is a free slot', () => {
    const { registry } = world()
    for (const seqno of [0, -1, 1.5, 2 ** 53]) expect(() => registry.register(seqno)).toThrow(RangeError)
    expect(registry.live()).toEqual([])
  })

  it('takes a new S if the barrier is above the one asked for', () => {
    const { memory, registry } = world(5)
    registry.raiseBarrier()
    publish(memory, 8)
    expect(registry.register(4).seqno).toBe(8)
    expect(registry.register(5).seqno).toBe(5)
    expect(registry.live()).toEqual([5, 8])
  })

  it('takes a new S if the barrier is raised between the load of S and its store', () => {
    const { memory, allocator } = registryMemory()
    publish(memory, 5)
    const dropper = new SnapshotRegistry(memory, allocator)
    const seen: number[][] = []
    const registry = new SnapshotRegistry(memory, {
      ...allocator,
      allocate: () => {
        publish(memory, 6)
        seen.push([dropper.raiseBarrier(), ...dropper.live()])
        return allocator.allocate()
      },
    })
    const snapshot = registry.register()
    expect(seen).toEqual([[6]])
    expect(snapshot.seqno).toBe(6)
    expect(dropper.live()).toEqual([6])
  })

  it('uses the area of a thread that was faster, and gives its own back', () => {
    const { memory, allocator } = registryMemory()
    const faster = new SnapshotRegistry(memory, allocator)
    const freed: number[] = []
    const registry = new SnapshotRegistry(memory, {
      allocate: () => {
        const area = allocator.allocate()
        faster.register()
        return area
      },
      free: (area) => freed.push(area),
    })
    registry.register(9)
    expect(freed).toHaveLength(1)
    expect(faster.live()).toEqual([1, 9])
  })

  it('holds thousands of snapshots, and uses their slots again', () => {
    const { memory, registry, other } = world()
    const count = 20 * AREA_SLOTS
    const start = performance.now()
    const open = Array.from({ length: count }, (_, i) => {
      publish(memory, i + 1)
      return registry.register()
    })
    expect(new Set(open.map(({ address }) => address)).size).toBe(count)
    expect(other.live()).toHaveLength(count)
    for (const snapshot of open.filter((_, i) => i % 2 === 0)) other.release(snapshot)
    expect(other.oldest()).toBe(2)
    const addresses = new Set(open.map(({ address }) => address))
    for (let i = 0; i < count / 2; i++) expect(addresses.has(registry.register().address)).toBe(true)
    expect(addresses.has(registry.register().address)).toBe(false)
    expect(performance.now() - start).toBeLessThan(3000)
  })

  it('is a set with repetitions, whoever registers and releases', () => {
    const action = fc.record({ releases: fc.boolean(), thread: fc.nat(1), at: fc.nat() })
    fc.assert(
      fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
        const { memory, registry, other } = world()
        const open: Registration[] = []
        for (const [i, { releases, thread, at }] of actions.entries()) {
          const from = thread === 0 ? registry : other
          if (releases && open.length > 0) from.release(open.splice(at % open.length, 1)[0] as Registration)
          else {
            publish(memory, 1 + (i >> 1))
            open.push(from.register())
          }
          const expected = [...new Set(open.map(({ seqno }) => seqno))].sort((a, b) => a - b)
          expect(registry.live()).toEqual(expected)
          expect(other.oldest()).toBe(expected[0])
        }
      }),
    )
  })

  it('loses no snapshot to a dropper on another thread', async () => {
    const words = sharedWords()
    const memory = words.buffer as SharedArrayBuffer
    publish(memory, 1)
    // Thread 0 publishes, raises the barrier, scans, and sets word S of the dropped ones for all S that nobody can ask for.
    const answers = await runLockThreads<{ lost: number; taken: number }>(
      words,
      4,
      `let areas = 0
       const registry = new sync.SnapshotRegistry(words.buffer, {
         allocate: () => data.areas + 4096 * (4 * thread + areas++), free: () => {},
       })
       const longs = new BigInt64Array(words.buffer)
       const visible = data.visible >>> 3, dropped = data.dropped >>> 2, last = 60_000
       result = { lost: 0, taken: 0 }
       if (thread === 0) {
         let from = 1
         for (let seqno = 2; seqno < last; seqno++) {
           Atomics.store(longs, visible, BigInt(seqno))
           const barrier = registry.raiseBarrier()
           const live = new Set(registry.live())
           for (let s = from; s < barrier; s++) if (!live.has(s)) Atomics.store(words, dropped + s, 1)
           from = barrier
         }
       } else {
         for (;;) {
           const snapshot = registry.register()
           if (snapshot.seqno >= last - 1) break
           for (let look = 0; look < 5; look++) if (Atomics.load(words, dropped + snapshot.seqno) === 1) result.lost++
           registry.release(snapshot)
           result.taken++
         }
       }`,
      { visible: CONTROL_VISIBLE_SEQNO, areas: 131072, dropped: 278528 },
    )
    expect(answers.map(({ lost }) => lost)).toEqual([0, 0, 0, 0])
    expect(answers.reduce((sum, { taken }) => sum + taken, 0)).toBeGreaterThan(1000)
  })
})
