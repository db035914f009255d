/** What edits make of a state, and every way in which they cannot be true. */
import fc from 'fast-check'
import { DEFAULT_POLICY, type KeyspacePolicy } from '../../src/version/keyspace-policy.ts'
import { describe, expect, it } from 'vitest'
import { decodeEdits, encodeEdits, type VersionEdit } from '../../src/version/edit.ts'
import { FieldWriter } from '../../src/version/fields.ts'
import { applyEdits, planEdits } from '../../src/version/fold.ts'
import { DatabaseState, lowestNextSeqno, snapshotEdit } from '../../src/version/state.ts'
import { anyTable, codeOf, filled, firstEdits, keyOf, laterEdits, plain, stateOf, table } from './support.ts'

const source = { file: 'm', offset: 0 }
const counters: VersionEdit = { type: 'counters', nextFileId: 100, nextKeyspaceId: 10, nextSeqno: 50 }
const created = (id: number, name: string): VersionEdit => ({
  type: 'keyspaceCreated',
  id,
  name,
  keyEncoding: undefined,
  valueEncoding: undefined,
})
const added = (...[id, from, to, rest]: Parameters<typeof table>): VersionEdit => ({
  type: 'tableAdded',
  table: table(id, from, to, rest),
})
const removed = (tableId: number, keyspaceId = 0): VersionEdit => ({
  type: 'tableRemoved',
  keyspaceId,
  tableId,
})
const policy = (more: Partial<KeyspacePolicy>, id = 0): VersionEdit => ({
  type: 'keyspacePolicy',
  id,
  policy: { ...DEFAULT_POLICY, ...more },
})
const flushed = (seqno: number, keyspaceId = 0): VersionEdit => ({ type: 'flushedSeqno', keyspaceId, seqno })
const sealed = (id: number): VersionEdit => ({ type: 'journalSealed', id, length: 128, chain: filled(8, 3) })

/** Two keyspaces, two journals (50 sealed, 51 live), one table. */
const base: readonly VersionEdit[] = [
  counters,
  created(0, 'default'),
  created(1, 'users'),
  flushed(10),
  added(20, 'c', 'm', { run: 1 }),
  { type: 'journalCreated', id: 50 },
  sealed(50),
  { type: 'journalCreated', id: 51 },
  { type: 'replayFloor', id: 50 },
  { type: 'retainFloor', id: 50 },
]

const byLevel = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T[]> =>
  fc.array(value, { minLength: 1, maxLength: 7 })
const anyPolicy: fc.Arbitrary<KeyspacePolicy> = fc.record({
  strategy: fc.constantFrom('leveled' as const, 'fifo' as const),
  sizeLimitBytes: fc.maxSafeNat(),
  ttlMs: fc.maxSafeNat(),
  blockBytes: byLevel(fc.integer({ min: 256, max: 65_536 })),
  restartIntervals: byLevel(fc.integer({ min: 1, max: 255 })),
  compressions: byLevel(fc.constantFrom('none' as const, 'lz4' as const)),
  bitsPerKey: byLevel(fc.nat(40)),
})

describe('encoding', () => {
  const id = fc.maxSafeNat()
  const name = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 })
  const encodingName = fc.option(name, { nil: undefined })
  const anyEdit: fc.Arbitrary<VersionEdit> = fc.oneof(
    fc.record({
      type: fc.constant('counters' as const),
      nextFileId: id,
      nextKeyspaceId: id,
      nextSeqno: id,
    }),
    fc.record({
      type: fc.constant('keyspaceCreated' as const),
      id,
      name,
      keyEncoding: encodingName,
      valueEncoding: encodingName,
    }),
    fc.record({ type: fc.constant('keyspaceDropped' as const), id }),
    fc.record({ type: fc.constant('keyspacePolicy' as const), id, policy: anyPolicy }),
    fc.record({ type: fc.constant('tableAdded' as const), table: anyTable }),
    fc.record({ type: fc.constant('tableRemoved' as const), keyspaceId: id, tableId: id }),
    fc.record({ type: fc.constant('flushedSeqno' as const), keyspaceId: id, seqno: id }),
    fc.record({ type: fc.constantFrom('journalCreated' as const, 'journalRemoved' as const), id }),
    fc.record({
      type: fc.constant('journalSealed' as const),
      id,
      length: id,
      chain: fc.uint8Array({ minLength: 8, maxLength: 8 }),
    }),
    fc.record({ type: fc.constantFrom('replayFloor' as const, 'retainFloor' as const), id }),
    fc.record({ type: fc.constant('cleanClose' as const), nextSeqno: id }),
  )

  it('reads back what it wrote', () => {
    fc.assert(
      fc.property(fc.array(anyEdit, { maxLength: 20 }), (edits) => {
        expect(decodeEdits(encodeEdits(edits), source)).toEqual(edits)
      }),
    )
  })

  it('refuses every truncation inside a field', async () => {
    const payload = encodeEdits(base)
    const ends = new Set(base.map((_, i) => encodeEdits(base.slice(0, i)).byteLength))
    for (let length = 0; length < payload.byteLength; length++) {
      const code = await codeOf(() => decodeEdits(payload.subarray(0, length), source))
      expect(code, `cut at ${length}`).toBe(ends.has(length) ? undefined : 'CORRUPT')
    }
  })

  it('survives any single changed byte: an edit list or an error, never anything else', async () => {
    const payload = encodeEdits(base)
    for (let at = 0; at < payload.byteLength; at++) {
      for (const value of [0, 1, 0x7f, 0x80, 0xff]) {
        const copy = payload.slice()
        copy[at] = value
        const code = await codeOf(() => {
          const edits = decodeEdits(copy, source)
          applyEdits(new DatabaseState(), edits)
        })
        expect(['CORRUPT', 'FORMAT_VERSION', undefined]).toContain(code)
      }
    }
  })

  it('skips unknown even tags at every level and refuses unknown and reserved odd ones', async () => {
    const inRecord = (tag: number): Uint8Array => {
      const record = new FieldWriter()
      record.number(1, 9)
      record.number(3, 9)
      record.number(5, 9)
      record.bytes(tag, keyOf('from a later version'))
      const fields = new FieldWriter()
      fields.record(1, record)
      return fields.finish()
    }
    const outside = (tag: number): Uint8Array => {
      const fields = new FieldWriter()
      fields.bytes(tag, keyOf('from a later version'))
      return fields.finish()
    }
    expect(decodeEdits(inRecord(100), source)).toHaveLength(1)
    expect(decodeEdits(outside(100), source)).toHaveLength(0)
    expect(await codeOf(() => decodeEdits(inRecord(101), source))).toBe('FORMAT_VERSION')
    for (const tag of [25, 27, 29, 33, 35, 101, 2 ** 32 - 1]) {
      expect(await codeOf(() => decodeEdits(outside(tag), source)), `tag ${tag}`).toBe('FORMAT_VERSION')
    }
  })

  it('refuses another comparator, and records with a required field missing', async () => {
    const keyspace = (...tags: [number, number | string][]): Uint8Array => {
      const record = new FieldWriter()
      for (const [tag, value] of tags) {
        if (typeof value === 'string') record.text(tag, value)
        else record.number(tag, value)
      }
      const fields = new FieldWriter()
      fields.record(3, record)
      return fields.finish()
    }
    const code = (bytes: Uint8Array): Promise<string | undefined> => codeOf(() => decodeEdits(bytes, source))
    expect(await code(keyspace([1, 0], [3, 'x'], [5, 1]))).toBeUndefined()
    expect(await code(keyspace([1, 0], [3, 'x'], [5, 2]))).toBe('FORMAT_VERSION')
    expect(await code(keyspace([3, 'x'], [5, 1]))).toBe('CORRUPT')
    expect(await code(keyspace([1, 0], [5, 1]))).toBe('CORRUPT')
    expect(await code(keyspace([1, 0], [3, 'x']))).toBe('CORRUPT')
    expect(await code(keyspace([1, 0], [3, 'x'.repeat(256)], [5, 1]))).toBe('CORRUPT')
  })
})

describe('folding', () => {
  it('follows the life of tables, keyspaces and journals', () => {
    const state = stateOf(base)
    expect(state.keyspaces.get(0)?.version.runs.map((run) => run.map(({ id }) => id))).toEqual([[20]])
    expect(
      applyEdits(state, [removed(20), added(20, 'c', 'm', { level: 2 }), added(21, 'a', 'z')]),
    ).toBeUndefined()
    expect(state.keyspaces.get(0)?.version.runs.map((run) => run.map(({ id }) => id))).toEqual([[21], [20]])
    expect(applyEdits(state, [{ type: 'journalRemoved', id: 50 }])).toBeUndefined()
    expect([...state.journals.keys()]).toEqual([51])
    expect(applyEdits(state, [{ type: 'keyspaceDropped', id: 0 }, created(2, 'default')])).toBeUndefined()
    expect([...state.tables.keys()]).toEqual([])
    expect([...state.keyspaceIds]).toEqual([
      ['users', 1],
      ['default', 2],
    ])
    expect(applyEdits(state, [sealed(51), { type: 'cleanClose', nextSeqno: 60 }])).toBeUndefined()
    expect(state.cleanClose).toBe(60)
    expect(lowestNextSeqno(state)).toBe(60)
  })

  it('knows the lowest seqno to give out', () => {
    const state = stateOf(base)
    expect(lowestNextSeqno(state)).toBe(50)
    applyEdits(state, [flushed(1000), added(30, 'x', 'y', { highestSeqno: 998 })])
    expect(lowestNextSeqno(state)).toBe(1000)
  })

  it('lets the default keyspace, and only it, have the empty name', () => {
    expect(applyEdits(new DatabaseState(), [counters, created(0, '')])).toBeUndefined()
    expect(applyEdits(new DatabaseState(), [counters, created(1, '')])).toContain('malformed name')
  })

  it('is all or nothing', () => {
    const state = stateOf(base)
    const before = plain(state)
    expect(applyEdits(state, [created(2, 'new'), removed(20), added(30, 'x', 'y'), removed(31)])).toBeTypeOf(
      'string',
    )
    expect(plain(state)).toEqual(before)
    expect(planEdits(state, [removed(20)])).toBeTypeOf('object')
    expect(plain(state)).toEqual(before)
  })

  it.each<[string, readonly VersionEdit[]]>([
    ['a counter goes down', [{ ...counters, nextFileId: 99 }]],
    ['a counter goes down', [{ ...counters, nextKeyspaceId: 9 }]],
    ['a counter goes down', [{ ...counters, nextSeqno: 49 }]],
    ['keyspace id 10 was never given out', [created(10, 'x')]],
    [
      'keyspace id 4294967296 was never given out',
      [{ ...counters, nextKeyspaceId: 2 ** 33 }, created(2 ** 32, 'x')],
    ],
    ['keyspace 1 is created twice', [created(1, 'x')]],
    ['keyspace 1 is created twice', [{ type: 'keyspaceDropped', id: 1 }, created(1, 'users')]],
    ['keyspace 2 is created twice', [created(2, 'x'), { type: 'keyspaceDropped', id: 2 }, created(2, 'x')]],
    ['keyspace 2 has the name of another', [created(2, 'users')]],
    ['keyspace 3 has the name of another', [created(2, 'x'), created(3, 'x')]],
    ['keyspace 2 has a malformed name', [created(2, '')]],
    ['keyspace 2 has a malformed name', [created(2, 'a\0b')]],
    ['keyspace 2 has a malformed name', [created(2, '\udc00')]],
    ['keyspace 2 has a malformed name', [created(2, 'é'.repeat(128))]],
    ['keyspace 2 has a malformed key enc', [{ ...created(2, 'x'), keyEncoding: '' } as VersionEdit]],
    ['keyspace 2 has a malformed value enc', [{ ...created(2, 'x'), valueEncoding: '\0' } as VersionEdit]],
    ['keyspace 7 is dropped but not there', [{ type: 'keyspaceDropped', id: 7 }]],
    ['keyspace 7 is given a policy but not there', [policy({}, 7)]],
    ['keyspace 0: blockBytes must be whole numbers from 256 to 65536', [policy({ blockBytes: [4096, 255] })]],
    ['keyspace 0: restartIntervals must be whole numbers from 1 to 255', [policy({ restartIntervals: [0] })]],
    ['keyspace 0: bitsPerKey must be whole numbers from 1 to 40, or 0', [policy({ bitsPerKey: [41] })]],
    ['keyspace 0: compressions must have 1 to 7 values', [policy({ compressions: [] })]],
    [
      'keyspace 1 is dropped but not there',
      [
        { type: 'keyspaceDropped', id: 1 },
        { type: 'keyspaceDropped', id: 1 },
      ],
    ],
    ['table 30 belongs to no keyspace', [added(30, 'a', 'b', { keyspaceId: 5 })]],
    ['table 20 is added twice', [added(20, 'x', 'y')]],
    ['table 30 is added twice', [added(30, 'a', 'b'), added(30, 'x', 'y')]],
    ['table 20 is added twice', [added(20, 'c', 'm', { keyspaceId: 1 })]],
    ['table 20 belongs to another keyspace', [removed(20), added(20, 'c', 'm', { keyspaceId: 1 })]],
    ['table id 100 was never given out', [added(100, 'a', 'b')]],
    ['table id 0 was never given out', [added(0, 'a', 'b')]],
    ['table id 51 was never given out', [added(51, 'a', 'b')]],
    ['table 30 has its keys in the wrong order', [added(30, 'b', 'a')]],
    ['table 30 has a key too long', [added(30, 'b', 'c'.repeat(65536))]],
    ['table 30 has its seqnos in the wrong order', [added(30, 'a', 'b', { lowestSeqno: 10 })]],
    ['table 30 has no entries', [added(30, 'a', 'b', { entries: 0, tombstones: 0 })]],
    ['table 30 has more tombstones than entries', [added(30, 'a', 'b', { tombstones: 6 })]],
    ['table 30 has no newest version of any key', [added(30, 'a', 'b', { hiddenVersions: 5 })]],
    ['table 30 has no bytes', [added(30, 'a', 'b', { sizeBytes: 0 })]],
    ['table 30 has a level too high', [added(30, 'a', 'b', { level: 256 })]],
    ['table 30 holds seqnos from the flushed seqno on', [added(30, 'x', 'y', { highestSeqno: 10 })]],
    ['table 30 holds seqnos from the flushed seqno on', [added(30, 'x', 'y', { keyspaceId: 1 })]],
    ['tables 20 and 30 of one run overlap', [added(30, 'm', 'n', { run: 1 })]],
    [
      'tables 30 and 31 of one run overlap',
      [added(30, 'a', 'b', { run: 2 }), added(31, 'b', 'c', { run: 2 })],
    ],
    ['table 30 is removed but not there', [removed(30)]],
    ['table 20 is removed but not there', [removed(20, 1)]],
    ['table 20 is removed but not there', [removed(20, 9)]],
    ['table 20 is removed but not there', [removed(20), removed(20)]],
    ['table 20 is removed but not there', [{ type: 'keyspaceDropped', id: 0 }, removed(20)]],
    ['keyspace 9 is flushed but not there', [flushed(5, 9)]],
    ['the flushed seqno of keyspace 0 goes down', [flushed(9)]],
    ['journal 50 is created twice', [{ type: 'journalCreated', id: 50 }]],
    ['journal id 100 was never given out', [{ type: 'journalCreated', id: 100 }]],
    ['journal id 0 was never given out', [{ type: 'journalCreated', id: 0 }]],
    ['journal id 20 was never given out', [{ type: 'journalCreated', id: 20 }]],
    ['journal 52 is sealed but not there', [sealed(52)]],
    ['journal 50 is sealed twice', [sealed(50)]],
    ['journal 52 is removed but not there', [{ type: 'journalRemoved', id: 52 }]],
    [
      'journal 50 is removed but not there',
      [
        { type: 'journalRemoved', id: 50 },
        { type: 'journalRemoved', id: 50 },
      ],
    ],
    ['a journal floor goes down', [{ type: 'replayFloor', id: 49 }]],
    ['a journal floor goes down', [{ type: 'retainFloor', id: 49 }]],
    ['journal id 100 was never given out', [{ type: 'replayFloor', id: 100 }]],
    ['the retain floor is above the replay floor', [{ type: 'retainFloor', id: 51 }]],
    ['journal 51 is not sealed at the clean close', [{ type: 'cleanClose', nextSeqno: 60 }]],
    ['the clean close has a seqno that was given out', [sealed(51), { type: 'cleanClose', nextSeqno: 49 }]],
    [
      'the clean close has a seqno that was given out',
      [flushed(70), sealed(51), { type: 'cleanClose', nextSeqno: 60 }],
    ],
    ['an edit follows the clean close', [sealed(51), { type: 'cleanClose', nextSeqno: 60 }, flushed(70)]],
  ])('refuses: %s', (problem, edits) => {
    expect(applyEdits(stateOf(base), edits)).toContain(problem)
  })

  it('takes all tables of a dropped keyspace along, those of the same edit too', () => {
    const state = stateOf(base)
    applyEdits(state, [added(30, 'x', 'y'), { type: 'keyspaceDropped', id: 0 }])
    expect([...state.tables.keys()]).toEqual([])
  })

  it('refuses anything behind a clean close of an earlier edit, and counters of 0', () => {
    const state = stateOf(base, [sealed(51), { type: 'cleanClose', nextSeqno: 60 }])
    expect(applyEdits(state, [counters])).toContain('follows the clean close')
    expect(applyEdits(new DatabaseState(), [{ ...counters, nextFileId: 0 }])).toContain('counter is 0')
  })
})

describe('the snapshot', () => {
  it('folds to the state it was taken of', () => {
    for (let count = 0; count <= laterEdits.length; count++) {
      const state = stateOf(firstEdits, ...laterEdits.slice(0, count))
      expect(plain(stateOf(snapshotEdit(state)))).toEqual(plain(state))
    }
    expect(plain(stateOf(snapshotEdit(stateOf(base))))).toEqual(plain(stateOf(base)))
  })

  it('is the same for states that came about differently', () => {
    const [first, second] = [added(30, 'a', 'b', { run: 9 }), added(31, 'c', 'd', { run: 9 })]
    const oneWay = stateOf(base, [first], [second])
    const otherWay = stateOf(base, [second, first])
    expect(snapshotEdit(oneWay)).toEqual(snapshotEdit(otherWay))
  })

  it('opens again what was closed', () => {
    const closed = stateOf(base, [sealed(51), { type: 'cleanClose', nextSeqno: 60 }])
    const again = stateOf(snapshotEdit(closed))
    expect(again.cleanClose).toBeUndefined()
    expect(again.counters.nextSeqno).toBe(60)
    expect(again.journals).toEqual(closed.journals)
  })

  it('folds to any state random edits lead to', () => {
    const small = fc.nat(6)
    const anyEdit: fc.Arbitrary<VersionEdit> = fc.oneof(
      fc.tuple(small, small).map(([id, name]) => created(id, `ks${name}`)),
      small.map((id): VersionEdit => ({ type: 'keyspaceDropped', id })),
      fc
        .tuple(fc.integer({ min: 1, max: 30 }), fc.nat(20), fc.nat(2), fc.nat(2), small)
        .map(([id, at, level, run, keyspaceId]) =>
          added(id, String.fromCharCode(65 + at), `${String.fromCharCode(65 + at)}x`, {
            level,
            run,
            keyspaceId,
          }),
        ),
      fc.tuple(fc.integer({ min: 1, max: 30 }), small).map(([id, keyspaceId]) => removed(id, keyspaceId)),
      fc
        .tuple(fc.integer({ min: 8, max: 40 }), small)
        .map(([seqno, keyspaceId]) => flushed(seqno, keyspaceId)),
      fc
        .tuple(
          fc.constantFrom('journalCreated' as const, 'journalRemoved' as const),
          fc.integer({ min: 1, max: 30 }),
        )
        .map(([type, id]): VersionEdit => ({ type, id })),
      fc.integer({ min: 1, max: 30 }).map(sealed),
    )
    fc.assert(
      fc.property(
        fc.array(fc.array(anyEdit, { minLength: 1, maxLength: 4 }), { maxLength: 60 }),
        (frames) => {
          const state = stateOf([counters, created(0, 'ks0'), flushed(10)])
          for (const edits of frames) {
            const before = plain(state)
            if (applyEdits(state, edits) !== undefined) expect(plain(state)).toEqual(before)
          }
          expect(plain(stateOf(snapshotEdit(state)))).toEqual(plain(state))
          // The indexes of the state agree with each other.
          const inVersions = [...state.keyspaces.values()].flatMap(({ version }) => [...version.tables()])
          expect(new Set(inVersions)).toEqual(new Set(state.tables.values()))
          expect(inVersions.length).toBe(state.tables.size)
          expect(new Map([...state.keyspaces.values()].map(({ name, id }) => [name, id]))).toEqual(
            state.keyspaceIds,
          )
        },
      ),
      { numRuns: 300 },
    )
  })
})

describe('many edits', () => {
  it('cost no more per edit when there are many keyspaces and tables', () => {
    const state = stateOf([{ type: 'counters', nextFileId: 1e6, nextKeyspaceId: 1e6, nextSeqno: 1 }])
    const started = performance.now()
    for (let id = 0; id < 20_000; id++) applyEdits(state, [created(id, `k${id}`), flushed(10, id)])
    for (let id = 1; id < 8_000; id++) {
      const key = String(id).padStart(6, '0')
      applyEdits(state, [added(id, key, key, { keyspaceId: id % 2, level: 1, run: id % 4 })])
    }
    expect([state.keyspaces.size, state.tables.size]).toEqual([20_000, 7_999])
    // NOTE: no benchmark: it takes under a second, and half a minute when every edit copies the state.
    expect(performance.now() - started).toBeLessThan(5000)
  })
})
