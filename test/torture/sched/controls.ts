/** Seeded bugs that the exploration must find: what does not notice them would not notice a kernel, or a lock, that makes the same mistake. */
import {
  CONTROL_FREE_HEAD,
  CONTROL_FREE_PAGES,
  CONTROL_NEXT_SEQNO,
  CONTROL_VISIBLE_SEQNO,
  PAGE_BYTES,
  SLOTS,
  SLOT_BYTES,
  SLOT_COUNT,
  SLOT_EPOCH,
  SLOT_GROUP_END,
} from '../../../assembly/memory/layout.ts'
import { SHARD } from './cache-reader.ts'
import { CASES } from './cases.ts'
import { Explorer, FailedSchedule } from './explorer.ts'
import { ADD } from './explored-kernel.ts'
import type { KernelWorld } from './kernel-world.ts'
import type { SeededBug } from './scene.ts'
import { early, isExchange, isLoad, isStore, kept, late, misread, torn } from './tamper.ts'

export interface Control {
  readonly name: string
  /** Name of the case that must find it. */
  readonly case: string
  readonly bug: SeededBug
}

/** The words of a list head but its tag. */
const UNTAGGED = 0xffffffffn

const isSlotEpoch = (address: number): boolean =>
  address >= SLOTS &&
  address < SLOTS + SLOT_COUNT * SLOT_BYTES &&
  (address - SLOTS) % SLOT_BYTES === SLOT_EPOCH

/** In a memtable's page, but not in its header up to the splice: a link. */
const isLink = (address: number): boolean => address >= PAGE_BYTES && (address & (PAGE_BYTES - 1)) > 208

/** Trailer of a node. */
function trailerWords(world: KernelWorld, node: number): number[] {
  const tail = node + ((7 + world.word(node)) & ~3)
  return [tail, tail + 4]
}

// prettier-ignore
export const CONTROLS: readonly Control[] = [
  { name: 'pages: the tag of the free list stays the same', case: 'page pool: what was taken comes back while another takes', bug: { tamper: kept((_, address) => address === CONTROL_FREE_HEAD, UNTAGGED) } },
  { name: 'pages: the head of the free list is loaded, then stored', case: 'page pool: two take', bug: { tamper: torn((kind, address) => isExchange(kind) && address === CONTROL_FREE_HEAD) } },
  { name: 'pages: the count is loaded, then stored, by who takes', case: 'page pool: none is left', bug: { tamper: torn((kind, address) => isExchange(kind) && address === CONTROL_FREE_PAGES) } },
  { name: 'pages: the count is loaded, then stored, by who gives', case: 'page pool: two take and give', bug: { tamper: torn((kind, address) => (kind & 3) === ADD && address === CONTROL_FREE_PAGES) } },
  { name: 'seqnos: a group takes its seqnos with a load and a store', case: 'seqnos: three groups', bug: { tamper: torn((kind, address) => (kind & 3) === ADD && address === CONTROL_NEXT_SEQNO) } },
  { name: 'seqnos: the maximum is stored over a larger one', case: 'seqnos: three', bug: { tamper: torn((kind, address) => isExchange(kind) && address === CONTROL_VISIBLE_SEQNO) } },
  { name: 'skiplist: a link is loaded, then stored', case: 'skiplist: two insert between the same', bug: { tamper: torn((kind, address) => isExchange(kind) && isLink(address)) } },
  { name: 'memtable: a node is filled in after it is linked', case: 'memtable: walks', bug: { tamper: late((kind, address, thread) => thread === 0 && isExchange(kind) && isLink(address), (world, address) => trailerWords(world, world.word(address)), 0, 1) } },
  { name: 'memtable: a group is published before it is inserted', case: 'memtable: one key', bug: { tamper: early((kind, address, thread) => thread === 0 && isLoad(kind) && (address & (PAGE_BYTES - 1)) === 16 + 12, (world) => world.setWord(CONTROL_VISIBLE_SEQNO, world.word(SLOTS + SLOT_GROUP_END))) } },
  { name: 'memtable: a bucket is stored before the chain of its node', case: 'memtable: with a hash index', bug: { tamper: late((kind, address, thread) => thread === 0 && isStore(kind) && address >= PAGE_BYTES, (world, address) => [(trailerWords(world, world.word(address))[0] as number) + 16], 0, 1) } },
  { name: 'block cache: the lock of a shard is loaded, then stored', case: 'block cache: two load the same', bug: { tamper: torn((kind, address) => isExchange(kind) && address === SHARD) } },
  { name: 'block cache: pins are not looked at', case: 'block cache: a page is emptied', bug: { tamper: misread((kind, address) => isLoad(kind) && address > PAGE_BYTES, () => 0n) } },
  { name: 'block cache: a pin is loaded, then stored', case: 'block cache: two read', bug: { tamper: torn((kind, address) => (kind & 3) === ADD && address > PAGE_BYTES) } },
  { name: 'reclamation: a read is announced after it has loaded the pointer', case: 'reclamation: one reads', bug: { tamper: late((kind, address) => isStore(kind) && isSlotEpoch(address), (_, address) => [address], 0, 2) } },
  { name: 'reclamation: a slot that reads is overlooked', case: 'reclamation: two read', bug: { tamper: misread((kind, address) => isLoad(kind) && isSlotEpoch(address), () => 0n) } },

  { name: 'engine: a read is not announced', case: 'engine: a read while what it reads is flushed', bug: { edit: ['this.kernel.exports.enterRead(this.kernel.slot);', ''] } },
  { name: 'engine: what is read is freed', case: 'engine: a read while what it reads is flushed', bug: { edit: ['exports.isRead(tag) !== 0', 'false'] } },
  { name: 'engine: whether the SuperVersion is the latest is not looked at again', case: 'engine: a write while a memtable is sealed', bug: { edit: ['if (s === 0 && !this.#isLatest(tree, superVersion, kernel.seqno(SLOT_READ_SEQNO))) continue;', ''] } },
  { name: 'engine: S is loaded before the SuperVersion', case: 'engine: a read while what it reads is flushed', bug: { edit: ['let s = seqno;', 'let s = seqno === 0 ? kernel.exports.visibleSeqno() : seqno;'] } },
  { name: 'engine: what is newer than S is in the SuperVersion that is read', case: 'engine: a clear, collected', bug: { edit: ['superVersion + SUPERVERSION_SEQNO, true) < s;', 'superVersion + SUPERVERSION_SEQNO, true) >= 0;'] } },
  { name: 'engine: a keyspace may go behind the look whether it has', case: 'engine: a read while the keyspace goes', bug: { edit: ['if (this.dropped) throw dropped();', ''] } },
  { name: 'engine: a write does not lock the journal', case: 'engine: two write', bug: { edit: ['this.#lock.acquire();', 'this.#lock.tryAcquire();'] } },

  { name: 'locks: a mutex is taken with a load and a store', case: 'locks: two lock', bug: { edit: ['return Atomics.compareExchange(this.#words, this.#owner, 0, this.#thread.mark) === 0;', 'if (Atomics.load(this.#words, this.#owner) !== 0) return false; Atomics.store(this.#words, this.#owner, this.#thread.mark); return true;'] } },
  { name: 'locks: a mutex that is let go wakes nobody', case: 'locks: two lock', bug: { edit: ['if (Atomics.load(words, this.#offset + SLEEPERS >>> 2) !== 0) Atomics.notify(words, this.#owner, 1);', ''] } },
  { name: 'locks: a sleeper of a mutex does not count itself', case: 'locks: two lock', bug: { edit: ['Atomics.add(words, this.#offset + SLEEPERS >>> 2, 1);', ''] } },
  { name: 'locks: a change of the state of a lock wakes nobody', case: 'locks: one reads, one writes', bug: { edit: ['Atomics.notify(this.#words, this.#state);', ''] } },
  { name: 'locks: readers are counted with a load and a store', case: 'locks: two read, one writes', bug: { edit: ['return Atomics.compareExchange(this.#words, this.#state, from, to) === from;', 'if (Atomics.load(this.#words, this.#state) !== from) return false; Atomics.store(this.#words, this.#state, to); return true;'] } },
  { name: 'locks: a reader leaves with a load and a store', case: 'locks: two read, one writes', bug: { edit: ['const state = Atomics.sub(this.#words, this.#state, READER) - READER;', 'const state = Atomics.load(this.#words, this.#state) - READER; Atomics.store(this.#words, this.#state, state);'] } },
  { name: 'locks: a signal does not move the sequence', case: 'locks: one waits for a signal', bug: { edit: ['Atomics.add(words, this.#sequence, 1);', ''] } },
  { name: 'snapshots: the barrier is not looked at', case: 'snapshots: something is published before', bug: { edit: ['while (this.dropBarrier > kept) {', 'while (false) {'] } },
  { name: 'snapshots: the barrier is not raised', case: 'snapshots: something is published before', bug: { edit: ['const found = Atomics.compareExchange(this.#longs, CONTROL_DROP_BARRIER >>> 3, barrier, visible);', 'const found = barrier;'] } },
  { name: 'snapshots: a slot that is used is not counted', case: 'snapshots: three', bug: { edit: ['const found = Atomics.compareExchange(this.#words, CONTROL_SNAPSHOTS_USED >>> 2, used, used + 1);', 'const found = used;'] } },
  { name: 'snapshots: a slot is taken with a load and a store', case: 'snapshots: two for one slot', bug: { edit: ['Atomics.compareExchange(this.#longs, slot, 0n, entry) === 0n;', '(Atomics.store(this.#longs, slot, entry), true);'] } },
]

/** Random schedules that are tried where those in order do not find it. */
const RANDOM_SCHEDULES = 5000

/** The schedule that shows a seeded bug, undefined if none was found. */
export function findControl({ case: name, bug }: Control, seed: number): FailedSchedule | undefined {
  const found = CASES.find((each) => each.name === name)
  if (found === undefined) throw new Error(`there is no case ${name}`)
  const explorer = new Explorer(found.make(bug), seed)
  return failureOf(() => {
    explorer.all({ preemptions: 1, reduced: true })
    explorer.random(RANDOM_SCHEDULES, false)
    explorer.all({ preemptions: 2, reduced: true })
  })
}

function failureOf(explore: () => void): FailedSchedule | undefined {
  try {
    explore()
  } catch (error) {
    if (error instanceof FailedSchedule) return error
    throw error
  }
  return undefined
}
