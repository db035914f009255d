/**
 * A memtable that one thread writes to and others read: what is visible can be read, nobody sees half a batch, and every walk is in order, whatever
 * way is read on (list, hash index, merge) and wherever the writer stands.
 */
import {
  CHAIN_CAPACITY,
  CHAIN_DATA,
  MEMTABLE_ENTRIES,
  MEMTABLE_HIGHEST_SEQNO,
  MEMTABLE_LOWEST_SEQNO,
  PAGE_BYTES,
  SLOT_COUNT_RESULT,
  SLOT_GROUP_END,
  SLOT_LENGTH,
  SLOT_POINTER,
  SLOT_READ_SEQNO,
  SLOT_TYPE,
  STATUS_ABSENT,
  STATUS_FOUND,
  STATUS_NO_PAGES,
  STATUS_OK,
  STATUS_TOMBSTONE,
  SUPERVERSION_BYTES,
  SUPERVERSION_COUNT,
  SUPERVERSION_MEMTABLES,
  TYPE_EXTENT,
  TYPE_TOMBSTONE,
  TYPE_VALUE,
} from '../../../../assembly/memory/layout.ts'
import { encode, put, tombstone } from '../../../kernel/entries.ts'
import type { End, Scene, Step } from '../scene.ts'
import { KernelWorld } from '../kernel-world.ts'
import { type FoundEntry, isBefore, listLevels, readChunk, readNode, text } from '../memtable-reader.ts'
import { type MemtableSetup, randomState, type ReadMove, type WriteMove } from '../memtable-setup.ts'
import { expectThat } from '../violation.ts'

/** Words of a memtable that are nobody else's business: random state, cursors of nodes and values. */
const LIST_RANDOM = 32
const NODES_CURSOR = 40
const VALUES_CURSOR = 44
const KEYSPACE = 1
const LARGE_BYTES = CHAIN_CAPACITY

export class MemtableScene implements Scene {
  readonly world: KernelWorld = new KernelWorld(24)
  readonly threads: readonly (readonly Step[])[]
  readonly #memtable: number
  readonly #superVersion: number
  readonly #slots: readonly number[]
  /** Input for writes: one after another. */
  #input: number
  /** Everything that is written, in the order of its seqnos, from 1 on. */
  readonly #entries: FoundEntry[] = []
  readonly #before: number
  /** Seqnos up to which the writer has published, or is about to; when it was done with it; entries it has inserted. */
  #publishing = 0
  #published: { end: number; ended: number }[] = []
  #applied: { count: number; ended: number }[] = []

  constructor({
    keys,
    writes,
    readers,
    hasIndex = false,
    heights,
    isFull = false,
    pages = 4,
  }: MemtableSetup) {
    const { world } = this
    const { shipped } = world
    this.#slots = [0, ...readers.map((_, i) => i + 1)].map((i) => shipped.attachSlot(i) >>> 0)
    this.#input = shipped.allocatePage() >>> 0
    this.#memtable = shipped.createMemtable() >>> 0
    this.#superVersion = shipped.allocateRecord(SUPERVERSION_BYTES) >>> 0
    world.setWord(this.#superVersion + SUPERVERSION_COUNT, 1)
    world.setWord(this.#superVersion + SUPERVERSION_MEMTABLES, this.#memtable)
    for (const key of keys) {
      const { from, end } = this.#encode([key], TYPE_VALUE)
      shipped.beginGroup(this.#slot(0), 1)
      shipped.applyEntries(this.#slot(0), this.#memtable, from, end, KEYSPACE, 0)
      shipped.publishGroup(this.#slot(0))
    }
    this.#before = this.#entries.length
    if (hasIndex) shipped.memtableIndex(this.#memtable, 1)
    if (heights !== undefined) world.u64[(this.#memtable + LIST_RANDOM) >>> 3] = randomState(heights)
    if (isFull) {
      for (const cursor of [NODES_CURSOR, VALUES_CURSOR]) {
        const at = this.#memtable + cursor
        world.setWord(at, (world.word(at) & ~(PAGE_BYTES - 1)) + PAGE_BYTES - 16)
      }
    }
    const reads = readers.map((moves, i) => moves.flatMap((move) => this.#read(i + 1, move)))
    // What is filled with zeros then, let it be zero before: there is less to put back.
    const left = Array.from({ length: pages }, () => shipped.allocatePage() >>> 0)
    while (shipped.allocatePage() !== 0);
    for (const page of left) {
      world.u8.fill(0, page, page + PAGE_BYTES)
      shipped.freePage(page)
    }
    this.threads = [writes.flatMap((move) => this.#write(move)), ...reads]
  }

  begin(): void {
    this.#publishing = this.#before + 1
    this.#published = []
    this.#applied = []
  }

  check(end: End): void {
    const { world } = this
    const entries = (listLevels(world, this.#memtable)[0] ?? []).map((node) => readNode(world, node))
    const applied = Math.max(this.#before, ...this.#applied.map(({ count }) => count))
    const isWriterDead = end.dead === 0
    for (const entry of entries) this.#expectWritten(entry)
    const complete = entries.filter(({ seqno }) => seqno <= applied).length
    expectThat(complete === applied, () => `${applied} entries were inserted, ${complete} of them are there`)
    if (isWriterDead) return
    expectThat(
      entries.length === applied,
      () => `${entries.length} entries are there, ${applied} were inserted`,
    )
    expectThat(
      world.word(this.#memtable + MEMTABLE_ENTRIES) === applied,
      () => 'the count of entries is another',
    )
    const bounds = [
      world.long(this.#memtable + MEMTABLE_LOWEST_SEQNO),
      world.long(this.#memtable + MEMTABLE_HIGHEST_SEQNO),
    ]
    expectThat(
      applied === 0 || bounds.join() === `1,${applied}`,
      () => `seqnos are said to go from ${bounds.join(' to ')}`,
    )
  }

  #slot(thread: number): number {
    return this.#slots[thread] as number
  }

  /** Puts entries into the input and notes that they are written. */
  #encode(keys: readonly string[], type: number): { from: number; end: number } {
    const entries = keys.map((key) => {
      const value = type === TYPE_VALUE ? `${key}${this.#entries.length + 1}` : ''
      this.#entries.push({ key, seqno: this.#entries.length + 1, type, value })
      return type === TYPE_VALUE ? put(key, value) : tombstone(key)
    })
    const encoded = encode(entries)
    const from = this.#input
    this.world.u8.set(encoded, from)
    this.#input += (encoded.length + 15) & ~15
    return { from, end: from + encoded.length }
  }

  // ── writing ──────────────────────────────────────────────────────────────────────────────────────────────

  #write(move: WriteMove): Step[] {
    const [name, keys = ''] = move.split(' ')
    const slot = this.#slot(0)
    if (name === 'index') {
      return [
        {
          call: (x) => x.memtableIndex(this.#memtable, 1),
          done: (status) =>
            expectThat(status === STATUS_OK || status === STATUS_NO_PAGES, () => `memtableIndex: ${status}`),
        },
      ]
    }
    const first = this.#entries.length
    let isApplied = false
    const done: Step['done'] = (status, _, ended) => {
      expectThat(status === STATUS_OK || status === STATUS_NO_PAGES, () => `an insert returned ${status}`)
      isApplied = status === STATUS_OK
      if (isApplied) this.#applied.push({ count: first + keys.length, ended })
    }
    const begin: Step = { call: (x) => x.beginGroup(slot, keys.length) }
    const publish: Step = {
      when: () => {
        if (isApplied) this.#publishing = this.world.long(slot + SLOT_GROUP_END)
        return isApplied
      },
      call: (x) => x.publishGroup(slot),
      done: (_, __, ended) => void this.#published.push({ end: this.#publishing, ended }),
    }
    if (name === 'large') return [begin, ...this.#large(keys, done), publish]
    const { from, end } = this.#encode([...keys], name === 'put' ? TYPE_VALUE : TYPE_TOMBSTONE)
    return [
      begin,
      { call: (x) => x.applyEntries(slot, this.#memtable, from, end, KEYSPACE, 0), done },
      publish,
    ]
  }

  #large(key: string, done: NonNullable<Step['done']>): Step[] {
    const { world } = this
    const seqno = this.#entries.length + 1
    const value = `${key}${seqno}`
    this.#entries.push({ key, seqno, type: TYPE_EXTENT, value })
    const at = this.#input
    world.u8[at] = key.charCodeAt(0)
    this.#input += 16
    let chain = 0
    return [
      {
        call: (x) => x.allocateChain(LARGE_BYTES),
        done: (result) => {
          chain = result >>> 0
          world.touched.touch(chain + CHAIN_DATA, value.length)
          for (let i = 0; i < value.length; i++) world.u8[chain + CHAIN_DATA + i] = value.charCodeAt(i)
        },
      },
      { call: (x) => x.applyLarge(this.#slot(0), this.#memtable, at, 1, chain, LARGE_BYTES), done },
    ]
  }

  // ── reading ──────────────────────────────────────────────────────────────────────────────────────────────

  #read(thread: number, move: ReadMove): Step[] {
    const [name, key = ''] = move.split(' ')
    switch (name) {
      case 'get':
        return [this.#get(thread, key, 0)]
      case 'get@':
        return [this.#get(thread, key, this.#before + 1)]
      case 'range':
      case 'range-back':
        return this.#range(thread, name === 'range-back')
      default:
        return this.#walk(name === 'walk-back')
    }
  }

  /** Where the key lies that a thread looks for. */
  #probe(key: string): number {
    const at = this.#input
    this.#input += 16
    this.world.u8[at] = key.charCodeAt(0)
    return at
  }

  #get(thread: number, key: string, seqno: number): Step {
    const slot = this.#slot(thread)
    const probe = this.#probe(key)
    return {
      call: (x) => x.pointRead(slot, this.#superVersion, probe, 1, seqno),
      done: (status, began) => {
        const s = this.#expectSeqno(slot, seqno, began)
        const expected = this.#newest(key, s)
        const is = `${key} read at ${s}`
        if (expected === undefined)
          return expectThat(status === STATUS_ABSENT, () => `${is} gives status ${status}`)
        if (expected.type === TYPE_TOMBSTONE)
          return expectThat(status === STATUS_TOMBSTONE, () => `${is} gives status ${status}`)
        expectThat(status === STATUS_FOUND, () => `${is} gives status ${status}, and should be found`)
        const { world } = this
        const pointer = world.word(slot + SLOT_POINTER) + (expected.type === TYPE_EXTENT ? CHAIN_DATA : 0)
        const length = expected.type === TYPE_EXTENT ? expected.value.length : world.word(slot + SLOT_LENGTH)
        const value = text(world.u8, pointer, Math.min(length, 64))
        expectThat(
          value === expected.value && world.word(slot + SLOT_TYPE) === expected.type,
          () => `${is} is ${value}, not ${expected.value}`,
        )
      },
    }
  }

  /** The S of a read: not below what was published before it began, and the end of a group. */
  #expectSeqno(slot: number, asked: number, began: number): number {
    const s = this.world.long(slot + SLOT_READ_SEQNO)
    if (asked !== 0) return s
    const ends = [this.#before + 1, this.#publishing, ...this.#published.map(({ end }) => end)]
    expectThat(ends.includes(s), () => `a read is at ${s}, which is not the end of a group`)
    for (const { end, ended } of this.#published) {
      if (ended < began) expectThat(s >= end, () => `a read is at ${s}, though ${end} was published before`)
    }
    return s
  }

  #newest(key: string, s: number): FoundEntry | undefined {
    return this.#entries.findLast((entry) => entry.key === key && entry.seqno < s)
  }

  #range(thread: number, isBack: boolean): Step[] {
    const slot = this.#slot(thread)
    const chunk = this.world.shipped.allocatePage() >>> 0
    let began = 0
    return [
      {
        call: (x) => x.mergeBegin(slot, this.#superVersion, 0, isBack ? 1 : 0, 0, -1, 0, 0),
        done: (status, at) => {
          began = at
          expectThat(status === STATUS_OK, () => `mergeBegin: ${status}`)
        },
      },
      {
        call: (x) => x.mergeFill(slot, chunk, PAGE_BYTES, 1000, 0, 0, -1, 0),
        done: () => {
          const s = this.#expectSeqno(slot, 0, began)
          const keys = [...new Set(this.#entries.map(({ key }) => key))].sort()
          if (isBack) keys.reverse()
          const expected = keys.flatMap((key) => {
            const entry = this.#newest(key, s)
            return entry === undefined || entry.type === TYPE_TOMBSTONE ? [] : [`${key}=${entry.value}`]
          })
          const count = this.world.word(slot + SLOT_COUNT_RESULT)
          const found = readChunk(this.world, chunk, count).map(({ key, value }) => `${key}=${value}`)
          expectThat(
            found.join() === expected.join(),
            () => `a range at ${s} is ${found.join()}, not ${expected.join()}`,
          )
        },
      },
      { call: (x) => x.mergeEnd(slot) },
    ]
  }

  /** All entries, those not visible yet included. */
  #walk(isBack: boolean): Step[] {
    const memtable = this.#memtable
    let node = 0
    let start = 0
    let seen: FoundEntry[] = []
    const take = (result: number, began: number): void => {
      node = result >>> 0
      if (seen.length === 0) start = began
      if (node !== 0) {
        const entry = readNode(this.world, node)
        const last = seen.at(-1)
        this.#expectWritten(entry)
        expectThat(
          last === undefined || (isBack ? isBefore(entry, last) : isBefore(last, entry)),
          () => `a walk goes from ${last?.key} to ${entry.key}`,
        )
        seen.push(entry)
        return
      }
      const before = Math.max(
        this.#before,
        ...this.#applied.map(({ count, ended }) => (ended < start ? count : 0)),
      )
      const complete = seen.filter(({ seqno }) => seqno <= before).length
      expectThat(complete === before, () => `a walk meets ${complete} of ${before} entries`)
    }
    const first: Step = {
      when: () => {
        seen = []
        return true
      },
      call: (x) => (isBack ? x.cursorLast(memtable) : x.cursorFirst(memtable)),
      done: take,
    }
    const next: Step = {
      when: () => node !== 0,
      call: (x) => (isBack ? x.cursorPrevious(memtable, node) : x.cursorNext(node)),
      done: take,
    }
    // NOTE: enough steps to come to the end, with all that may be inserted meanwhile.
    return [first, ...Array.from({ length: this.#entries.length + 6 }, () => next)]
  }

  #expectWritten({ key, seqno, type, value }: FoundEntry): void {
    const written = this.#entries[seqno - 1]
    const isIt = written !== undefined && written.key === key && written.type === type
    expectThat(
      isIt && (type === TYPE_EXTENT || written.value === value),
      () => `an entry ${key} of seqno ${seqno} is ${value}`,
    )
  }
}
