/**
 * The skiplist by itself: writers that insert at the same time with splices of their own (which listInsert allows, and the engine, whose writers
 * take turns, does not use), and readers that search it meanwhile.
 */
import { PAGE_BYTES } from '../../../../assembly/memory/layout.ts'
import { put, encode } from '../../../kernel/entries.ts'
import type { Machine } from '../machine.ts'
import type { End, Scene, Step } from '../scene.ts'
import { KernelWorld } from '../kernel-world.ts'
import { type Call, isLinearizable } from '../linearizable.ts'
import { listLevels, readNode } from '../memtable-reader.ts'
import { expectThat } from '../violation.ts'

/** `b3`: inserts the key b at a height of 3 levels; `GE b`, `LT b`, `first`, `last`: searches. */
export type ListMove = `${string}${1 | 2 | 3}` | `GE ${string}` | `LT ${string}` | 'first' | 'last'

export interface ListSetup {
  /** Keys that are there at first. */
  readonly keys: string
  readonly threads: readonly (readonly ListMove[])[]
}

/** Words of a splice: the nodes before, then those behind, of 12 levels. */
const SPLICE_BYTES = 96
const NODE_BYTES = 96
/** All keys have versions of this seqno only. */
const SEQNO = 1
const TRAILER = (BigInt(SEQNO) << 8n) | 1n

interface Inserted {
  readonly key: string
  readonly node: number
  readonly height: number
}

export class SkiplistScene implements Scene {
  readonly world: KernelWorld = new KernelWorld(8)
  readonly threads: readonly (readonly Step[])[]
  readonly #memtable: number
  readonly #initial: string
  /** All keys there may be, in order; a state of the list is one bit for each. */
  readonly #keys: string
  /** What searches look for lies here, one key each 16 bytes. */
  readonly #probes: number
  readonly #inserted: Inserted[] = []
  readonly #calls: Call<number>[] = []
  readonly #insertions = new Map<Step, string>()

  constructor({ keys, threads }: ListSetup) {
    const { shipped, inner, u8 } = this.world
    this.#initial = keys
    this.#memtable = shipped.createMemtable() >>> 0
    this.#probes = shipped.allocatePage() >>> 0
    const input = shipped.allocatePage() >>> 0
    const slot = shipped.attachSlot(0) >>> 0
    for (const key of keys) {
      const encoded = encode([put(key)])
      u8.set(encoded, input)
      shipped.setGroup(slot, SEQNO, 1)
      shipped.applyEntries(slot, this.#memtable, input, input + encoded.length, 1, 0)
    }
    const nodes = shipped.allocatePage() >>> 0
    u8.fill(0, nodes, nodes + PAGE_BYTES)
    let free = nodes
    const all = new Set(keys)
    this.threads = threads.map((moves) => {
      const splice = free
      free += SPLICE_BYTES
      inner.spliceCreate(splice, this.#memtable)
      return moves.flatMap((move) => {
        const insertion = /^(.)([123])$/.exec(move)
        if (insertion === null) return this.#read(move)
        const key = insertion[1] as string
        const height = Number(insertion[2])
        const node = inner.nodeCreate(free, height, 1, TRAILER, 0, 0) >>> 0
        u8[node + 4] = key.charCodeAt(0)
        free += NODE_BYTES
        all.add(key)
        return [this.#insert(splice, { key, node, height })]
      })
    })
    this.#keys = [...all].sort().join('')
    for (let i = 0; i < 128; i++) u8[this.#probes + 16 * i] = i
  }

  begin(): void {
    this.#calls.length = 0
    this.#inserted.length = 0
  }

  check(end: End, machine: Machine): void {
    const unfinished = end.dead < 0 ? undefined : machine.unfinished(end.dead)
    const step = this.threads[end.dead]?.[unfinished?.step ?? -1]
    const key = step === undefined ? undefined : this.#insertions.get(step)
    const pending = key === undefined ? 0 : this.#bit(key)
    const calls = [...this.#calls]
    if (unfinished !== undefined && pending !== 0) {
      calls.push({ began: unfinished.began, ended: Infinity, effect: (state) => state | pending })
    }
    expectThat(
      isLinearizable(calls, this.#state(this.#initial)),
      () => 'what was found fits no order of the calls',
    )
    this.#checkList(pending)
  }

  /** Every node that was inserted is on all its levels. `pending`: it may be there. */
  #checkList(pending: number): void {
    const levels = listLevels(this.world, this.#memtable)
    for (const { key, node, height } of this.#inserted) {
      for (let level = 0; level < height; level++) {
        expectThat(levels[level]?.includes(node) === true, () => `${key} is missing on level ${level}`)
      }
    }
    const found = (levels[0] ?? []).reduce((state, node) => state | this.#bit(this.#keyOf(node)), 0)
    const must = this.#inserted.reduce((state, { key }) => state | this.#bit(key), this.#state(this.#initial))
    expectThat(found === must || found === (must | pending), () => 'the list holds other keys')
  }

  #state(keys: string): number {
    let state = 0
    for (const key of keys) state |= this.#bit(key)
    return state
  }

  #bit(key: string): number {
    return 1 << this.#keys.indexOf(key)
  }

  #insert(splice: number, inserted: Inserted): Step {
    const step: Step = {
      call: (x) => x.listInsert(this.#memtable, splice, inserted.node, inserted.height),
      done: (result, began, ended) => {
        expectThat(result === 1, () => `${inserted.key} is said to be there already`)
        this.#inserted.push(inserted)
        const bit = this.#bit(inserted.key)
        this.#calls.push({ began, ended, effect: (state) => ((state & bit) !== 0 ? undefined : state | bit) })
      },
    }
    this.#insertions.set(step, inserted.key)
    return step
  }

  #read(move: string): Step[] {
    const [name = '', key = ''] = move.split(' ')
    const probe = this.#probes + 16 * key.charCodeAt(0)
    switch (name) {
      case 'GE':
        return [
          this.#search(
            (x) => x.cursorSeekGE(this.#memtable, probe, 1, TRAILER),
            (keys) => [...keys].find((k) => k >= key),
          ),
        ]
      case 'LT':
        return [
          this.#search(
            (x) => x.cursorSeekLT(this.#memtable, probe, 1, TRAILER),
            (keys) => [...keys].findLast((k) => k < key),
          ),
        ]
      case 'first':
        return [
          this.#search(
            (x) => x.cursorFirst(this.#memtable),
            (keys) => keys[0],
          ),
        ]
      default:
        return [
          this.#search(
            (x) => x.cursorLast(this.#memtable),
            (keys) => keys.at(-1),
          ),
        ]
    }
  }

  /** A search takes effect at one moment. */
  #search(
    call: (x: Parameters<Step['call']>[0]) => number,
    expected: (keys: string) => string | undefined,
  ): Step {
    return {
      call,
      done: (result, began, ended) => {
        const found = result === 0 ? undefined : this.#keyOf(result)
        this.#calls.push({
          began,
          ended,
          effect: (state) => (expected(this.#keysOf(state)) === found ? state : undefined),
        })
      },
    }
  }

  #keysOf(state: number): string {
    return [...this.#keys].filter((_, i) => (state & (1 << i)) !== 0).join('')
  }

  #keyOf(node: number): string {
    return readNode(this.world, node >>> 0).key
  }
}
