import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import {
  CHAIN_CAPACITY,
  CHAIN_DATA,
  CHAIN_LENGTH,
  CHAIN_NEXT,
  CONTROL_FREE_PAGES,
  MEMTABLE_ENTRIES,
  MEMTABLE_ENTRY_BYTES,
  MEMTABLE_HIGHEST_SEQNO,
  MEMTABLE_LOWEST_SEQNO,
  MEMTABLE_PAGE_BYTES,
  PAGE_BYTES,
  STATUS_MALFORMED,
  STATUS_NO_PAGES,
  STATUS_OK,
  TYPE_EXTENT,
} from '../../assembly/memory/layout.ts'
import {
  anyKey,
  anyWrite,
  bytes,
  compareStored,
  encode,
  put,
  type StoredEntry,
  type WriteEntry,
} from './entries.ts'
import { bareInternals, internalsModule, type BareInternals } from './internals.ts'
import { runThreads } from './threads.ts'

let k: BareInternals
/** Where entries and search keys are put: pages of their own. */
let area: number
let keyArea: number

const areaPages = 64
beforeAll(async () => {
  k = await bareInternals(512)
  area = k.x.allocatePage() >>> 0
  // The pool's fresh pages follow each other.
  for (let i = 1; i < areaPages; i++) expect(k.x.allocatePage() >>> 0).toBe(area + i * PAGE_BYTES)
  keyArea = k.x.allocatePage() >>> 0
}, 120_000)

const free = (): number => k.u32[CONTROL_FREE_PAGES / 4] as number
const word = (memtable: number, offset: number): number => k.u32[(memtable + offset) / 4] as number

/** Inserts with the given seqno. @returns the status */
function insert(memtable: number, seqno: number, entry: WriteEntry): number {
  const encoded = encode([entry])
  k.u8.set(encoded, area)
  k.x.setGroup(k.slot, seqno, 1)
  return k.x.applyEntries(k.slot, memtable, area, area + encoded.length, entry.keyspace, 0)
}

function readNode(node: number): StoredEntry {
  const key = k.x.nodeKey(node) >>> 0
  const value = k.x.nodeValue(node) >>> 0
  return {
    key: k.u8.slice(key, key + k.x.nodeKeyLength(node)),
    trailer: BigInt.asUintN(64, k.x.nodeTrailer(node)),
    value: k.u8.slice(value, value + k.x.nodeValueLength(node)),
  }
}

function seek(
  kind: 'cursorSeekGE' | 'cursorSeekLT',
  memtable: number,
  key: Uint8Array,
  trailer: bigint,
): number {
  // Against the end of a page, so that a read past the key would see what was there before.
  const at = keyArea + PAGE_BYTES - key.length
  k.u8.fill(0xff, keyArea + PAGE_BYTES - key.length - 32, at)
  k.u8.set(key, at)
  return k.x[kind](memtable, at, key.length, BigInt.asIntN(64, trailer)) >>> 0
}

const same = (a: StoredEntry, b: StoredEntry): boolean =>
  a.trailer === b.trailer && Buffer.compare(a.key, b.key) === 0 && Buffer.compare(a.value, b.value) === 0

/** Both walks give exactly the sorted entries. @returns the nodes */
function checkWalk(memtable: number, sorted: readonly StoredEntry[]): number[] {
  const nodes: number[] = []
  for (let node = k.x.cursorFirst(memtable) >>> 0; node !== 0; node = k.x.cursorNext(node) >>> 0) {
    expect(same(readNode(node), sorted[nodes.length] as StoredEntry)).toBe(true)
    nodes.push(node)
  }
  expect(nodes.length).toBe(sorted.length)
  const backwards: number[] = []
  for (
    let node = k.x.cursorLast(memtable) >>> 0;
    node !== 0;
    node = k.x.cursorPrevious(memtable, node) >>> 0
  ) {
    backwards.push(node)
  }
  expect(backwards.reverse()).toEqual(nodes)
  return nodes
}

function checkSeeks(
  memtable: number,
  sorted: readonly StoredEntry[],
  nodes: number[],
  probes: StoredEntry[],
): void {
  for (const probe of probes) {
    let index = 0
    while (index < sorted.length && compareStored(sorted[index] as StoredEntry, probe) < 0) index++
    expect(seek('cursorSeekGE', memtable, probe.key, probe.trailer)).toBe(nodes[index] ?? 0)
    expect(seek('cursorSeekLT', memtable, probe.key, probe.trailer)).toBe(nodes[index - 1] ?? 0)
  }
}

describe('memtable', () => {
  test('empty', () => {
    const before = free()
    const memtable = k.x.createMemtable() >>> 0
    expect(free()).toBe(before - 1)
    expect(word(memtable, MEMTABLE_PAGE_BYTES)).toBe(PAGE_BYTES)
    expect(word(memtable, MEMTABLE_ENTRY_BYTES)).toBe(0)
    expect(word(memtable, MEMTABLE_ENTRIES)).toBe(0)
    expect(k.view.getBigUint64(memtable + MEMTABLE_HIGHEST_SEQNO, true)).toBe(0n)
    expect(k.view.getBigUint64(memtable + MEMTABLE_LOWEST_SEQNO, true)).toBe((1n << 64n) - 1n)
    checkSeeks(
      memtable,
      [],
      checkWalk(memtable, []),
      ['', 'a'].map((key) => ({ key: bytes(key), trailer: 1n, value: bytes('') })),
    )
    k.x.freeMemtable(memtable)
    expect(free()).toBe(before)
  })

  test(
    'any writes in any seqno order: sorted walks, seeks at every trailer, statistics',
    { timeout: 60_000 },
    () => {
      const writes = fc.array(fc.tuple(anyWrite, fc.nat({ max: 60 })), { maxLength: 60 })
      fc.assert(
        fc.property(writes, fc.array(anyKey, { maxLength: 5 }), fc.boolean(), (drawn, strangers, huge) => {
          const before = free()
          const memtable = k.x.createMemtable() >>> 0
          const stored = new Map<string, StoredEntry>()
          const base = huge ? 2 ** 53 - 100 : 1
          let size = 0
          for (const [entry, offset] of drawn) {
            const trailer = (BigInt(base + offset) << 8n) | BigInt(entry.type)
            const id = `${Buffer.from(entry.key).toString('hex')} ${trailer}`
            // The same internal key twice is refused and leaves no trace.
            expect(insert(memtable, base + offset, entry)).toBe(stored.has(id) ? STATUS_MALFORMED : STATUS_OK)
            if (!stored.has(id)) {
              stored.set(id, { key: entry.key, trailer, value: entry.value })
              size += entry.key.length + entry.value.length
            }
          }
          const sorted = [...stored.values()].sort(compareStored)
          const nodes = checkWalk(memtable, sorted)
          const probes = sorted.flatMap(({ key, trailer, value }) =>
            [trailer - 1n, trailer, trailer + 1n, 0n, (1n << 64n) - 1n].map((t) => ({
              key,
              trailer: t,
              value,
            })),
          )
          for (const key of strangers) probes.push({ key, trailer: 5n << 8n, value: key })
          checkSeeks(memtable, sorted, nodes, probes)

          expect(word(memtable, MEMTABLE_ENTRIES)).toBe(sorted.length)
          const counted = word(memtable, MEMTABLE_ENTRY_BYTES)
          expect(counted).toBeGreaterThanOrEqual(size + 20 * sorted.length)
          expect(counted).toBeLessThanOrEqual(size + 80 * sorted.length)
          expect(word(memtable, MEMTABLE_PAGE_BYTES)).toBe((before - free()) * PAGE_BYTES)
          if (sorted.length > 0) {
            const seqnos = sorted.map((e) => e.trailer >> 8n).sort((a, b) => (a < b ? -1 : 1))
            expect(k.view.getBigUint64(memtable + MEMTABLE_LOWEST_SEQNO, true)).toBe(seqnos[0])
            expect(k.view.getBigUint64(memtable + MEMTABLE_HIGHEST_SEQNO, true)).toBe(seqnos.at(-1))
          }
          k.x.freeMemtable(memtable)
          expect(free()).toBe(before)
        }),
        { numRuns: 150 },
      )
    },
  )

  test.each(['ascending', 'descending', 'interleaved', 'random'])('20,000 keys, %s', (pattern) => {
    const count = 20_000
    const before = free()
    const memtable = k.x.createMemtable() >>> 0
    const numbers = Array.from({ length: count }, (_, i) => i)
    if (pattern === 'descending') numbers.reverse()
    if (pattern === 'interleaved') numbers.sort((a, b) => (a % 7) - (b % 7) || a - b)
    if (pattern === 'random') numbers.sort((a, b) => ((a * 7919) % count) - ((b * 7919) % count))
    const entries = numbers.map((n) => put(String(n).padStart(16, '0'), String(n)))
    const encoded = encode(entries)
    k.u8.set(encoded, area)
    k.x.setGroup(k.slot, 1, count)
    expect(k.x.applyEntries(k.slot, memtable, area, area + encoded.length, 1, 0)).toBe(STATUS_OK)
    const sorted = entries.map((e, i) => ({
      key: e.key,
      trailer: (BigInt(i + 1) << 8n) | 1n,
      value: e.value,
    }))
    sorted.sort(compareStored)
    let node = k.x.cursorFirst(memtable) >>> 0
    let wrong = 0
    for (const entry of sorted) {
      if (node === 0 || !same(readNode(node), entry)) wrong++
      if (seek('cursorSeekGE', memtable, entry.key, entry.trailer) !== node) wrong++
      node = k.x.cursorNext(node) >>> 0
    }
    expect(wrong).toBe(0)
    expect(node).toBe(0)
    k.x.freeMemtable(memtable)
    expect(free()).toBe(before)
  })

  test('the longest key with the longest inline value, many times', () => {
    const before = free()
    const memtable = k.x.createMemtable() >>> 0
    const stored: StoredEntry[] = []
    for (let i = 0; i < 12; i++) {
      const entry = put(new Uint8Array(65535).fill(i % 3), new Uint8Array(32767).fill(i))
      expect(insert(memtable, i + 1, entry)).toBe(STATUS_OK)
      stored.push({ key: entry.key, trailer: (BigInt(i + 1) << 8n) | 1n, value: entry.value })
    }
    checkWalk(memtable, stored.sort(compareStored))
    k.x.freeMemtable(memtable)
    expect(free()).toBe(before)
  })

  test('page chains belong to the memtable once inserted', () => {
    const before = free()
    const memtable = k.x.createMemtable() >>> 0
    const sizes = [32768, CHAIN_CAPACITY, CHAIN_CAPACITY + 1, 3 * CHAIN_CAPACITY + 77]
    let seqno = 10
    for (const [i, size] of sizes.entries()) {
      const chain = k.x.allocateChain(size) >>> 0
      let filled = 0
      for (let page = chain; page !== 0; page = k.u32[(page + CHAIN_NEXT) / 4] as number) {
        const length = k.u32[(page + CHAIN_LENGTH) / 4] as number
        k.u8.fill(i + 1, page + CHAIN_DATA, page + CHAIN_DATA + length)
        filled += length
      }
      expect(filled).toBe(size)
      k.u8.set(bytes(`large ${i}`), area)
      k.x.setGroup(k.slot, seqno, 1)
      expect(k.x.applyLarge(k.slot, memtable, area, 7, chain, size)).toBe(STATUS_OK)
      // The group is used up.
      expect(k.x.applyLarge(k.slot, memtable, area, 7, chain, size)).toBe(STATUS_MALFORMED)
      const node = seek('cursorSeekGE', memtable, bytes(`large ${i}`), (1n << 64n) - 1n)
      expect(k.x.nodeTrailer(node)).toBe((BigInt(seqno) << 8n) | BigInt(TYPE_EXTENT))
      expect(k.x.nodeValue(node) >>> 0).toBe(chain)
      expect(k.x.nodeValueLength(node)).toBe(size)
      seqno++
    }
    expect(word(memtable, MEMTABLE_PAGE_BYTES)).toBe((before - free()) * PAGE_BYTES)
    expect(word(memtable, MEMTABLE_ENTRY_BYTES)).toBeGreaterThan(sizes.reduce((a, b) => a + b))
    k.x.freeMemtable(memtable)
    expect(free()).toBe(before)
  })

  test('NO_PAGES at every allocation: nothing half inserted, no page lost', async () => {
    const tiny = await bareInternals(64)
    const input = tiny.x.allocatePage() >>> 0
    const hoard: number[] = []
    for (let page = tiny.x.allocatePage() >>> 0; page !== 0; page = tiny.x.allocatePage() >>> 0)
      hoard.push(page)
    // Fills pages quickly; every third value is large.
    const script = Array.from({ length: 14 }, (_, i) => ({
      key: new Uint8Array(20_000 + i).fill(97 + ((i * 5) % 14)),
      valueLength: i % 3 === 2 ? CHAIN_CAPACITY + i : i % 4 === 1 ? 0 : 30_000,
    }))
    let complete = 0
    let budget = 0
    for (; complete < script.length; budget++) {
      expect(budget).toBeLessThan(hoard.length)
      for (const page of hoard.slice(0, budget)) tiny.x.freePage(page)
      complete = 0
      const memtable = tiny.x.createMemtable() >>> 0
      expect(memtable === 0).toBe(budget === 0)
      if (memtable !== 0) {
        for (const { key, valueLength } of script) {
          tiny.x.setGroup(tiny.slot, complete + 1, 1)
          let status: number
          if (valueLength >= 32768) {
            tiny.u8.set(key, input)
            const chain = tiny.x.allocateChain(valueLength) >>> 0
            if (chain === 0) break
            status = tiny.x.applyLarge(tiny.slot, memtable, input, key.length, chain, valueLength)
            // What was not taken is still the caller's.
            if (status !== STATUS_OK) tiny.x.freeChain(chain)
          } else {
            const encoded = encode([put(key, new Uint8Array(valueLength))])
            tiny.u8.set(encoded, input)
            status = tiny.x.applyEntries(tiny.slot, memtable, input, input + encoded.length, 1, 0)
          }
          if (status === STATUS_NO_PAGES) break
          expect(status).toBe(STATUS_OK)
          complete++
        }
        // Exactly the entries that were acknowledged, readable and counted.
        const keys: Buffer[] = []
        for (
          let node = tiny.x.cursorFirst(memtable) >>> 0;
          node !== 0;
          node = tiny.x.cursorNext(node) >>> 0
        ) {
          const at = tiny.x.nodeKey(node) >>> 0
          keys.push(Buffer.from(tiny.u8.slice(at, at + tiny.x.nodeKeyLength(node))))
        }
        const expected = script.slice(0, complete).map(({ key }) => Buffer.from(key))
        expected.sort((a, b) => Buffer.compare(a, b))
        expect(keys.length).toBe(complete)
        expect(keys.every((key, i) => key.equals(expected[i] as Buffer))).toBe(true)
        expect(tiny.u32[(memtable + MEMTABLE_ENTRIES) / 4]).toBe(complete)
        expect(tiny.u32[(memtable + MEMTABLE_PAGE_BYTES) / 4]).toBe(
          (budget - (tiny.u32[CONTROL_FREE_PAGES / 4] as number)) * PAGE_BYTES,
        )
        tiny.x.freeMemtable(memtable)
      }
      expect(tiny.u32[CONTROL_FREE_PAGES / 4]).toBe(budget)
      for (let i = 0; i < budget; i++) hoard[i] = tiny.x.allocatePage() >>> 0
      expect(tiny.x.allocatePage()).toBe(0)
    }
    expect(budget).toBeGreaterThan(10)
  })

  test('four threads insert with splices of their own while another reads', { timeout: 60_000 }, async () => {
    const shared = await bareInternals(512)
    const memtable = shared.x.createMemtable() >>> 0
    const threads = 4
    const perThread = 15_000
    const results = await runThreads<number>(
      await internalsModule(),
      shared.memory,
      threads + 1,
      /* js */ `
        const { memtable, threads, perThread } = data
        const u8 = new Uint8Array(memory.buffer)
        result = 0
        if (thread === threads) {
          // The reader: what it sees is sorted, at every moment, and never shrinks.
          let seen = 0
          const start = Date.now()
          while (seen < threads * perThread) {
            if (Date.now() - start > 40000) throw new Error('the others do not finish')
            let count = 0
            let last = ''
            for (let node = x.cursorFirst(memtable) >>> 0; node !== 0; node = x.cursorNext(node) >>> 0) {
              const at = x.nodeKey(node) >>> 0
              const key = String.fromCharCode(...u8.slice(at, at + x.nodeKeyLength(node)))
              if (key <= last) result++
              last = key
              count++
            }
            if (count < seen) result++
            seen = count
          }
        } else {
          const splice = (x.allocatePage() >>> 0)
          u8.fill(0, splice, splice + 1024)
          x.spliceCreate(splice, memtable)
          // An arena has one allocator: each thread has one of its own, whose cursor and total lie behind its splice.
          const cursor = splice + 1024 - 8
          let random = thread * 7919 + 1
          for (let i = 0; i < perThread; i++) {
            random = (Math.imul(random, 1664525) + 1013904223) >>> 0
            const height = 1 + (Math.clz32(random & 0x3fffff) - 10 >> 1)
            // Neighbours belong to different threads.
            const n = thread % 2 === 0 ? i : (i * 7919) % perThread
            const key = new TextEncoder().encode(String(n * threads + thread).padStart(16, '0'))
            const size = x.nodeBytes(height, key.length)
            const at = x.arenaAllocate(cursor, cursor + 4, size) >>> 0
            const node = x.nodeCreate(at, height, key.length, 257n, 0, 0) >>> 0
            u8.set(key, x.nodeKey(node) >>> 0)
            if (!x.listInsert(memtable, splice, node, height)) result++
          }
        }
      `,
      { memtable, threads, perThread },
    )
    expect(results).toEqual(results.map(() => 0))
    let count = 0
    let wrong = 0
    for (
      let node = shared.x.cursorFirst(memtable) >>> 0;
      node !== 0;
      node = shared.x.cursorNext(node) >>> 0
    ) {
      const at = shared.x.nodeKey(node) >>> 0
      const length = shared.x.nodeKeyLength(node)
      if (Buffer.from(shared.u8.slice(at, at + length)).toString() !== String(count).padStart(16, '0'))
        wrong++
      // A search finds it, so the upper levels are whole.
      if (shared.x.cursorSeekGE(memtable, at, length, 257n) >>> 0 !== node) wrong++
      count++
    }
    expect([count, wrong]).toEqual([threads * perThread, 0])
  })
})
