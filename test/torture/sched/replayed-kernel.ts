import { PAGE_BYTES, SLOTS, SLOT_BYTES, SLOT_INPUT } from '../../../assembly/memory/layout.ts'
import type { KernelExports } from '../../../src/kernel/exports.ts'
import type { Kernel } from '../../../src/kernel/kernel.ts'
import type { ExploredSources } from './explored-sources.ts'
import type { KernelWorld } from './kernel-world.ts'
import type { ThreadDoor } from './replayed-thread.ts'

/**
 * A Kernel for a thread of TypeScript: each of its calls, and each access to its views, goes through the thread's door. `page`: what is the thread's alone.
 * Without a door, outside of schedules, everything is done at once.
 */
export function replayedKernel(
  sources: ExploredSources,
  world: KernelWorld,
  slotIndex: number,
  page: number,
  door?: ThreadDoor,
): Kernel {
  const slot = SLOTS + slotIndex * SLOT_BYTES
  const plain = <T>(address: number, writes: boolean, action: () => T): T =>
    door === undefined ? action() : door.plain(address, writes, action)
  return Object.assign(Object.create(sources.Kernel.prototype) as Kernel, {
    memory: world.memory,
    exports: door === undefined ? world.shipped : exportsThrough(door),
    slot,
    slotIndex,
    input: world.word(slot + SLOT_INPUT),
    u8: world.u8,
    u32: wordsThrough(world.u32, world, plain),
    words: wordsThrough(world.i32, world, plain),
    view: viewThrough(world, plain),
    page: () => page,
  })
}

type Plain = <T>(address: number, writes: boolean, action: () => T) => T

function exportsThrough(door: ThreadDoor): KernelExports {
  const known = new Map<string | symbol, (...args: unknown[]) => unknown>()
  return new Proxy({} as KernelExports, {
    get(_, name) {
      let call = known.get(name)
      if (call === undefined) {
        call = (...args) =>
          door.call((x) =>
            (x as unknown as Record<string | symbol, (...all: unknown[]) => unknown>)[name]?.(...args),
          )
        known.set(name, call)
      }
      return call
    },
  })
}

function wordsThrough<T extends Uint32Array | Int32Array>(words: T, world: KernelWorld, plain: Plain): T {
  return new Proxy(words, {
    get(target, name) {
      const index = Number(name)
      if (Number.isNaN(index)) return Reflect.get(target, name, target) as unknown
      return plain(4 * index, false, () => target[index])
    },
    set(target, name, value: number) {
      const index = Number(name)
      plain(isNew(4 * index) ? SLOTS : 4 * index, true, () => {
        world.touched.touch(4 * index, 4)
        target[index] = value
      })
      return true
    },
  })
}

/** Plain stores to pages are no points: they fill in what others do not see yet. */
const isNew = (address: number): boolean => address >= PAGE_BYTES

function viewThrough(world: KernelWorld, plain: Plain): DataView {
  const view = world.view as unknown as Record<string, (...args: unknown[]) => unknown>
  return new Proxy(world.view, {
    get(_, name) {
      const method = String(name)
      return (address: number, ...rest: unknown[]) =>
        method.startsWith('get')
          ? plain(address, false, () => view[method]?.(address, ...rest))
          : plain(SLOTS, true, () => {
              world.touched.touch(address, 8)
              return view[method]?.(address, ...rest)
            })
    },
  })
}
