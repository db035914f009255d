/** BlockEntries over payloads that the tests' own encoder wrote. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { TYPE_VALUE } from '../../assembly/memory/layout.ts'
import { BlockEntries } from '../../src/table/block-entries.ts'
import { compareEntries, writeEntries, type TableEntry } from '../kernel/table-format.ts'

const anyEntry = fc.record({
  key: fc.oneof(fc.uint8Array({ maxLength: 8 }), fc.uint8Array({ minLength: 100, maxLength: 400 })),
  seqno: fc.bigInt({ min: 1n, max: (1n << 53n) - 1n }),
  value: fc.uint8Array({ maxLength: 300 }),
})
const anyEntries = fc
  .uniqueArray(anyEntry, {
    minLength: 1,
    maxLength: 200,
    selector: ({ key, seqno }) => `${key.join()}/${seqno}`,
  })
  .map((drafts) => drafts.map((draft): TableEntry => ({ ...draft, type: TYPE_VALUE })).sort(compareEntries))

function entryAt({ key, seqno, value }: BlockEntries): unknown {
  return [Buffer.from(key).toString('hex'), seqno, Buffer.from(value).toString('hex')]
}

function expected({ key, seqno, value }: TableEntry): unknown {
  return [Buffer.from(key).toString('hex'), Number(seqno), Buffer.from(value).toString('hex')]
}

test('reads every entry, the first and the last, whatever the restart interval', () => {
  const intervals = fc.constantFrom(1, 2, 4, 16, 255)
  fc.assert(
    fc.property(anyEntries, intervals, fc.constantFrom(0, 7), (entries, interval, buckets) => {
      const payload = writeEntries(
        entries,
        interval,
        false,
        Math.ceil(entries.length / interval) > 253 ? 0 : buckets,
      )
      // As in linear memory: behind other bytes.
      const memory = new Uint8Array(payload.byteLength + 13)
      memory.set(payload, 13)
      const cursor = new BlockEntries(memory.subarray(13))
      const read: unknown[] = []
      while (cursor.next()) read.push(entryAt(cursor))
      expect(read).toEqual(entries.map(expected))
      expect(cursor.next()).toBe(false)
      cursor.first()
      expect(entryAt(cursor)).toEqual(read[0])
      cursor.last()
      expect(entryAt(cursor)).toEqual(read.at(-1))
      cursor.first()
      expect(cursor.next()).toBe(entries.length > 1)
      expect(entryAt(cursor)).toEqual(read[Math.min(1, read.length - 1)])
    }),
    { numRuns: 200 },
  )
})

test('reads restart offsets of four bytes', () => {
  const entries = Array.from({ length: 300 }, (_, i): TableEntry => {
    const key = new Uint8Array(Buffer.from(String(i).padStart(5, '0')))
    return { key, seqno: BigInt(i + 1), type: TYPE_VALUE, value: new Uint8Array(300).fill(i) }
  })
  const cursor = new BlockEntries(writeEntries(entries, 4))
  cursor.last()
  expect(entryAt(cursor)).toEqual(expected(entries.at(-1)))
})
