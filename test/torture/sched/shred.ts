import { PAGE_BYTES, SUPERVERSION_BYTES } from '../../../assembly/memory/layout.ts'
import type { Kernel } from '../../../src/kernel/kernel.ts'
import type { KernelWorld } from './kernel-world.ts'
import type { ThreadDoor } from './replayed-thread.ts'

/** In a memtable, behind what it needs to be freed: its first links and nodes. */
const LIST_LINKS = 160

/** What is freed can be told from what it was. NOTE: before it is: then others may have it at once. */
export function shredFreed(kernel: Kernel, world: KernelWorld, door: ThreadDoor): void {
  const { exports } = kernel
  const shred = (from: number, end: number): void => {
    world.touched.touch(from, end - from)
    world.u8.fill(0xdb, from, end)
  }
  const shredding = {
    freeMemtable: (memtable: number): void => {
      const page = memtable & ~(PAGE_BYTES - 1)
      door.once(() => shred(memtable + LIST_LINKS, page + 2048))
      exports.freeMemtable(memtable)
    },
    freeRecord: (record: number, size: number): void => {
      if (size === SUPERVERSION_BYTES) door.once(() => shred(record, record + size))
      exports.freeRecord(record, size)
    },
  }
  Object.assign(kernel, {
    exports: new Proxy(exports, {
      get: (target, name) => Reflect.get(name in shredding ? shredding : target, name) as unknown,
    }),
  })
}
