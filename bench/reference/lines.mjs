export const OPERATIONS = 100_000
export const SCAN_ENTRIES = 10_000

/** What the recorded figures are of. */
export const RECORDED_ENGINE = 'the Rust crate lsm-tree 3.1.9'

/** What every line does at a time: so many operations, whose time is one sample of the percentiles. */
const POINTS = 100

/**
 * The lines. `counterpart`: the reference's figure that it is compared with, of which `recorded` is one that was taken on the development machine (operations or entries per second).
 * `load`: the order in which the database was filled before. `group(db, data, number)` takes the `operations` of one group, of which there are `groups`.
 *
 * NOTE: what reads in order reads what was written in order, and deletions go in order of the keys, as those of the reference do: else a figure above that of its writes could not be.
 */
export const LINES = {
  'sequential writes, putSync': points({
    counterpart: 'sequentialWrites',
    recorded: 1_160_000,
    least: 1.5,
    one: (db, { sequential, values }, i) => db.putSync(sequential[i], values[i]),
  }),
  'random writes, putSync': points({
    counterpart: 'randomWrites',
    recorded: 640_000,
    least: 1.5,
    one: (db, { shuffled, values }, i) => db.putSync(shuffled[i], values[i]),
  }),
  'sequential reads, getSync': points({
    counterpart: 'sequentialReads',
    recorded: 1_790_000,
    least: 1,
    load: 'sequential',
    one: (db, { sequential }, i) => expect(db.getSync(sequential[i]) !== undefined),
  }),
  'sequential reads, getSlice': points({
    counterpart: 'sequentialReads',
    recorded: 1_790_000,
    least: 1.3,
    load: 'sequential',
    one: (db, { sequential }, i) => expect(db.getSlice(sequential[i]) !== undefined),
  }),
  'random reads, getSync': points({
    counterpart: 'randomReads',
    recorded: 600_000,
    least: 1.5,
    load: 'shuffled',
    one: (db, { readOrder }, i) => expect(db.getSync(readOrder[i]) !== undefined),
  }),
  'contains, hasSync': points({
    counterpart: 'contains',
    recorded: 1_100_000,
    least: 1.2,
    load: 'shuffled',
    one: (db, { readOrder }, i) => expect(db.hasSync(readOrder[i])),
  }),
  'deletions, deleteSync': points({
    counterpart: 'deletions',
    recorded: 1_600_000,
    least: 1.5,
    load: 'sequential',
    one: (db, { sequential }, i) => db.deleteSync(sequential[i]),
  }),
  'range scan, countSync': scan({
    counterpart: 'rangeScan',
    recorded: 7_600_000,
    least: 1,
    entries: (db, range) => db.countSync(range),
    range: rangeOf,
  }),
  'range scan, slices': scan({
    counterpart: 'rangeScan',
    recorded: 7_600_000,
    least: 0.5,
    entries: slices,
    range: rangeOf,
  }),
  'prefix scan, countSync': scan({
    counterpart: 'prefixScan',
    recorded: 8_400_000,
    least: 1,
    entries: (db, range) => db.countSync(range),
    range: prefixOf,
  }),
  'prefix scan, slices': scan({
    counterpart: 'prefixScan',
    recorded: 8_400_000,
    least: 0.5,
    entries: slices,
    range: prefixOf,
  }),
}

function points({ one, ...line }) {
  return {
    ...line,
    groups: OPERATIONS / POINTS,
    operations: POINTS,
    group(db, data, number) {
      for (let i = number * POINTS; i < (number + 1) * POINTS; i++) one(db, data, i)
    },
  }
}

function scan({ entries, range, ...line }) {
  return {
    ...line,
    load: 'sequential',
    groups: 100,
    operations: SCAN_ENTRIES,
    group: (db, _, number) =>
      expect(entries(db, range(number % (OPERATIONS / SCAN_ENTRIES))) === SCAN_ENTRIES),
  }
}

/** Keys and values are handed out, not read: neither does the reference. */
function slices(db, range) {
  let entries = 0
  for (const entry of db.rangeSync({ ...range, slices: true })) if (entry !== undefined) entries++
  return entries
}

function rangeOf(tenth) {
  return { gte: keyOf(tenth * SCAN_ENTRIES), lt: keyOf((tenth + 1) * SCAN_ENTRIES) }
}

/** All keys of 16 digits that are the same but for the last four. */
function prefixOf(tenth) {
  return { prefix: keyOf(tenth * SCAN_ENTRIES).subarray(0, 12) }
}

function keyOf(number) {
  return Buffer.from(String(number).padStart(16, '0'))
}

function expect(isRight) {
  if (!isRight) throw new Error('an entry is missing')
}
