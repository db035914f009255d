/**
 * Makes a small database that has a file of every kind, and of each kind everything that the format knows: the same bytes every time.
 * What `make.mjs` made of it lies beside this file, and every later version must read that (see compat.ts).
 */
import { openOn } from '../../../src/api/open.ts'
import { VarveError } from '../../../src/errors.ts'
import { keeperOf } from '../../integration/regressions/support.ts'
import { FaultyFileSystem } from '../../support/faulty.ts'
import { mulberry32, pick } from '../../support/random.ts'
import { Author, type Commit, type Written } from './author.ts'
import type { SubjectDatabase, SubjectKeyspace } from '../../support/subject.ts'

/** The files of a database at one moment. */
export type Files = ReadonlyMap<string, Uint8Array>

/**
 * The same database at four moments. `young`: after its first flush. `replayed`: when its last open, after a kill, had replayed the log.
 * `killed`: with a live journal behind one that was left and one that is sealed, and edits of the manifest that no superblock covers. `closed`: cleanly.
 */
export interface GoldenBuild {
  readonly young: Files
  readonly replayed: Files
  readonly killed: Files
  readonly closed: Files
  /** What is in it before the first commit of the last journal, and what each of those does. */
  readonly before: Written
  readonly tail: readonly Commit[]
}

const MIB = 1048576
const bytes = (text: string): Uint8Array => Buffer.from(text, 'latin1')

/** Numbers from here, and not from the machine, while `step` runs; and always the same day. */
async function withoutChance<T>(step: () => Promise<T>): Promise<T> {
  const random = mulberry32(1)
  const { now } = Date
  crypto.getRandomValues = (target) => {
    if (target instanceof Uint8Array) for (let i = 0; i < target.length; i++) target[i] = pick(random, 256)
    return target
  }
  Date.now = () => Date.UTC(2026, 0, 1)
  try {
    return await step()
  } finally {
    // What hides the method of the prototype.
    Reflect.deleteProperty(crypto, 'getRandomValues')
    Date.now = now
  }
}

export function buildGolden(): Promise<GoldenBuild> {
  return withoutChance(async () => {
    const author = new Author()
    const first = new FaultyFileSystem()
    const { db: firstDb, young } = await firstEpoch(first, author)
    const second = killed(first)
    const secondDb = await secondEpoch(second, author)
    const images = await thirdEpoch(killed(second), author)
    // NOTE: what they write now nobody looks at.
    await firstDb.close()
    await secondDb.close()
    return { young, ...images, before: author.before, tail: author.tail }
  })
}

function open(files: FaultyFileSystem): Promise<SubjectDatabase> {
  return openOn(files, {
    memoryLimit: 16 * MIB,
    threads: 0,
    flushInterval: 60_000,
    tables: { blockSize: 256, bitsPerKey: 10 },
  })
}

function killed(files: FaultyFileSystem): FaultyFileSystem {
  return files.crashImage('keepAll', () => 0)
}

/** Leaves the current journal for a new one. */
function rotate(db: SubjectDatabase): void {
  const { journals } = keeperOf(db)
  if (journals.current !== undefined) journals.current.limitBytes = 1
  journals.rotateIfFull()
}

/** Bytes without a pattern that compression could use. */
function noise(seed: number, length: number): Uint8Array {
  const random = mulberry32(seed)
  return Uint8Array.from({ length }, () => pick(random, 256))
}

const key = (i: number): Uint8Array => bytes(`key ${String(i).padStart(3, '0')}`)

const packedOptions = { tables: { blockSize: 512, compression: 'lz4', restartInterval: 3 } } as const
const queueName = 'queue \u{1f427}'

async function firstEpoch(
  files: FaultyFileSystem,
  author: Author,
): Promise<{ db: SubjectDatabase; young: Files }> {
  const db = await open(files)
  const packed: SubjectKeyspace = db.keyspaceSync('packed', packedOptions)
  const queue: SubjectKeyspace = db.keyspaceSync(queueName, {
    compaction: { strategy: 'fifo', sizeLimit: MIB },
    tables: { bitsPerKey: 0 },
  })
  db.keyspaceSync('gone').putSync(bytes('a'), bytes('b'))
  db.dropKeyspaceSync('gone')
  for (let i = 0; i < 32; i++) author.put(db, key(i), noise(i, 20 + (i % 7)))
  db.flushSync()
  const young = files.snapshotFiles()
  db.compactSync()
  // Entries that only a snapshot reads, tombstones of both kinds, and keys that no text could be.
  const snapshot = db.snapshot()
  for (let i = 0; i < 32; i += 4) author.put(db, key(i), noise(100 + i, 24))
  for (const i of [1, 13]) author.delete(db, key(i))
  author.deleteWeak(db, key(30))
  author.put(db, bytes(''), bytes('the shortest key'))
  author.put(db, bytes('\xff\xff\x00'), bytes(''))
  for (let i = 0; i < 32; i += 8) author.put(db, key(i), noise(200 + i, 16))
  db.flushSync()
  snapshot.close()
  for (let i = 0; i < 48; i++) author.put(packed, key(i), bytes(`${i} `.repeat(24)))
  author.put(packed, bytes('large'), bytes('all work and no play. '.repeat(2000)))
  packed.flushSync()
  for (let i = 0; i < 5; i++) author.put(queue, key(i), noise(300 + i, 12))
  queue.flushSync()
  for (let i = 5; i < 8; i++) author.put(queue, key(i), noise(300 + i, 12))
  queue.flushSync()
  rotate(db)
  keeperOf(db).journals.removeObsolete()
  // What follows is in journals alone.
  author.put(db, key(40), bytes('in the first journal'))
  author.commit(
    db,
    [
      [db, key(41), bytes('one of a batch')],
      [packed, key(48), bytes('x'.repeat(90))],
      [db, key(2), undefined],
    ],
    'sync',
  )
  author.put(queue, key(8), bytes('last'))
  return { db, young }
}

async function secondEpoch(files: FaultyFileSystem, author: Author): Promise<SubjectDatabase> {
  const db = await open(files)
  author.put(db, key(42), bytes('in the second journal'))
  files.onOperation = (_, kind, name) =>
    kind === 'write' && name.endsWith('.wal') ? { error: 'ENOSPC' } : 'continue'
  try {
    db.putSync(key(43), bytes('that failed'))
  } catch (error) {
    if (!(error instanceof VarveError && error.code === 'DISK_FULL')) throw error
  }
  files.onOperation = undefined
  author.put(db, key(44), bytes('behind a gap'), 'sync')
  author.delete(db, key(3))
  return db
}

async function thirdEpoch(
  files: FaultyFileSystem,
  author: Author,
): Promise<Pick<GoldenBuild, 'replayed' | 'killed' | 'closed'>> {
  const db = await open(files)
  const packed: SubjectKeyspace = db.keyspaceSync('packed')
  const replayed = files.snapshotFiles()
  author.put(db, key(45), bytes('in the third journal'))
  author.put(db, key(44), bytes('again'))
  rotate(db)
  author.beginTail()
  author.put(db, key(46), bytes('in the fourth journal'))
  author.put(packed, key(49), bytes('y'.repeat(40)), 'buffered')
  author.put(db, key(47), bytes('synced'), 'sync')
  author.commit(db, [
    [db, key(4), bytes('new')],
    [packed, key(0), undefined],
    [db, key(48), bytes('')],
  ])
  author.delete(db, key(5))
  author.put(db, key(49), bytes('the last one'))
  const image = killed(files).snapshotFiles()
  await db.close()
  return { replayed, killed: image, closed: files.snapshotFiles() }
}
