/** Ways to break what threads of the kernel rely on, without a change to the kernel: they change the memory that an access finds. */
import { EXCHANGE, LOAD, STORE, WIDE } from './explored-kernel.ts'
import type { KernelWorld } from './kernel-world.ts'

/** A seeded bug of the kernel: it sees the accesses of all threads, and may change what they find. */
export interface Tamper {
  begin?(world: KernelWorld): void
  /** A thread has come to its access. */
  arrive?(thread: number, kind: number, address: number): void
  /** It is about to carry it out. */
  proceed?(thread: number, kind: number, address: number): void
  /** It has, and all that follows it up to the next one. */
  after?(thread: number): void
}

/** Which accesses are broken. */
export type Choice = (kind: number, address: number, thread: number) => boolean

interface Held {
  address: number
  seen: bigint
  now: bigint
  isWide: boolean
}

function read({ u64, u32 }: KernelWorld, address: number, isWide: boolean): bigint {
  return isWide ? (u64[address >>> 3] as bigint) : BigInt(u32[address >>> 2] as number)
}

function write({ u64, u32, touched }: KernelWorld, address: number, isWide: boolean, value: bigint): void {
  touched.touch(address, 8)
  if (isWide) u64[address >>> 3] = value
  else u32[address >>> 2] = Number(value)
}

/** Read-modify-write becomes a load and, when the others have had their turn, a store. */
export function torn(choice: Choice): Tamper {
  let world: KernelWorld
  let held = new Map<number, Held>()
  let armed = new Map<number, Held>()
  return {
    begin: (begun) => {
      world = begun
      held = new Map()
      armed = new Map()
    },
    arrive: (thread, kind, address) => {
      held.delete(thread)
      if (!choice(kind, address, thread)) return
      const isWide = kind >= WIDE
      held.set(thread, { address, isWide, seen: read(world, address, isWide), now: 0n })
    },
    proceed: (thread) => {
      const access = held.get(thread)
      if (access === undefined) return
      const { address, isWide, seen } = access
      armed.set(thread, { ...access, now: read(world, address, isWide) })
      write(world, address, isWide, seen)
    },
    after: (thread) => {
      const access = armed.get(thread)
      armed.delete(thread)
      if (access === undefined) return
      const { address, isWide, seen, now } = access
      // It did not store anything: what others did stays.
      if (read(world, address, isWide) === seen) write(world, address, isWide, now)
    },
  }
}

/** An access finds another value: `value` in the place of the word, which has its own again when it is done, if it was not stored to. */
export function misread(choice: Choice, value: (seen: bigint, thread: number) => bigint): Tamper {
  let world: KernelWorld
  let armed = new Map<number, Held>()
  return {
    begin: (begun) => {
      world = begun
      armed = new Map()
    },
    proceed: (thread, kind, address) => {
      if (!choice(kind, address, thread)) return
      const isWide = kind >= WIDE
      const now = read(world, address, isWide)
      const seen = value(now, thread)
      armed.set(thread, { address, isWide, seen, now })
      write(world, address, isWide, seen)
    },
    after: (thread) => {
      const access = armed.get(thread)
      armed.delete(thread)
      if (access === undefined || access.seen === access.now) return
      const { address, isWide, seen, now } = access
      if (read(world, address, isWide) === seen) write(world, address, isWide, now)
    },
  }
}

/** Words keep a value, whatever is stored to them. */
export function kept(choice: Choice, value: bigint): Tamper {
  let world: KernelWorld
  return {
    begin: (begun) => {
      world = begun
    },
    proceed: (thread, kind, address) => {
      if (choice(kind, address, thread))
        write(world, address, kind >= WIDE, read(world, address, kind >= WIDE) & value)
    },
  }
}

/**
 * What a thread has written before, or with, an access becomes visible only `late` accesses of the thread later.
 * `words`: their addresses, told after the access; they hold `meanwhile` as long.
 */
export function late(
  choice: Choice,
  words: (world: KernelWorld, address: number) => readonly number[],
  meanwhile: number,
  accesses: number,
): Tamper {
  let world: KernelWorld
  let chosen = new Map<number, number>()
  let hidden = new Map<number, { left: number; values: [number, number][] }>()
  const show = (thread: number): void => {
    for (const [word, value] of hidden.get(thread)?.values ?? []) write(world, word, false, BigInt(value))
    hidden.delete(thread)
  }
  return {
    begin: (begun) => {
      world = begun
      chosen = new Map()
      hidden = new Map()
    },
    proceed: (thread, kind, address) => {
      chosen.delete(thread)
      if (choice(kind, address, thread)) chosen.set(thread, address)
    },
    after: (thread) => {
      const waiting = hidden.get(thread)
      if (waiting !== undefined && --waiting.left === 0) show(thread)
      const address = chosen.get(thread)
      chosen.delete(thread)
      if (address === undefined) return
      const values = words(world, address).map((word): [number, number] => [word, world.word(word)])
      for (const [word] of values) write(world, word, false, BigInt(meanwhile >>> 0))
      hidden.set(thread, { left: accesses, values })
    },
  }
}

/** When a thread comes to an access, something has been done that should come after it. */
export function early(choice: Choice, act: (world: KernelWorld) => void): Tamper {
  let world: KernelWorld
  return {
    begin: (begun) => {
      world = begun
    },
    arrive: (thread, kind, address) => {
      if (choice(kind, address, thread)) act(world)
    },
  }
}

export const isLoad = (kind: number): boolean => (kind & 3) === LOAD
export const isStore = (kind: number): boolean => (kind & 3) === STORE
export const isExchange = (kind: number): boolean => (kind & 3) === EXCHANGE
