/** The writer: what it appends can be read, and what it does when the file system fails. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { VarveError } from '../../src/errors.ts'
import type { VersionEdit } from '../../src/version/edit.ts'
import { ManifestWriter } from '../../src/version/manifest.ts'
import { readManifest, type ManifestContent } from '../../src/version/manifest-reader.ts'
import { DatabaseState } from '../../src/version/state.ts'
import type { Superblock } from '../../src/version/superblock.ts'
import { crashPolicies, FaultyFileSystem, SimulatedCrash, type Fault } from '../support/faulty.ts'
import { mulberry32 } from '../support/random.ts'
import {
  anyTable,
  codeOf,
  databaseId,
  firstEdits,
  header,
  kernel,
  laterEdits,
  manifestName,
  plain,
  stateOf,
} from './support.ts'

const maxBytes = 2 ** 20
const [firstLater = [], secondLater = []] = laterEdits

async function directory(): Promise<FaultyFileSystem> {
  const fs = new FaultyFileSystem()
  await fs.prepare(true)
  return fs
}

/** Written under the boot of `fs`. */
async function createWriter(fs: FaultyFileSystem, limit = maxBytes): Promise<ManifestWriter> {
  return await ManifestWriter.create(fs, kernel, { ...header, bootId: fs.bootId }, stateOf(firstEdits), limit)
}

/** What a superblock written now would say. */
function superblockOf(writer: ManifestWriter, cleanClose = false): Superblock {
  return {
    databaseId,
    generation: 1,
    epoch: writer.header.epoch,
    manifestId: writer.header.manifestId,
    manifestLength: writer.durableLength,
    manifestChain: writer.durableChain,
    cleanClose,
  }
}

async function reread(fs: FaultyFileSystem, superblock: Superblock): Promise<ManifestContent> {
  const file = await fs.open(manifestName, false)
  try {
    return readManifest(file, kernel, superblock, fs.bootId, maxBytes)
  } finally {
    file.close()
  }
}

/** Lets the next operation of this kind fail. */
function failNext(fs: FaultyFileSystem, kind: string, fault: Fault): void {
  let isDue = true
  fs.onOperation = (_, each) => {
    if (!isDue || each !== kind) return 'continue'
    isDue = false
    return fault
  }
}

function errorOf(action: () => unknown): VarveError {
  try {
    action()
  } catch (error) {
    if (error instanceof VarveError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

describe('ManifestWriter', () => {
  it('writes what the reader makes the same state of', async () => {
    const fs = await directory()
    const writer = await createWriter(fs)
    expect([writer.durableLength, writer.fileName]).toEqual([0, manifestName])
    let length = writer.length
    for (const edits of laterEdits) {
      length += writer.append(edits)
      expect(writer.length).toBe(length)
      writer.sync()
      expect(writer.durableLength).toBe(length)
      expect(writer.durableChain).toEqual(writer.chain)
    }
    const content = await reread(fs, superblockOf(writer))
    expect(plain(content.state)).toEqual(plain(writer.state))
    expect(content.length).toBe(length)
    expect(content.chain).toEqual(writer.chain)
    expect(content.cut).toBeUndefined()
    expect(content.header).toEqual(writer.header)
  })

  it('takes tables of any kind', async () => {
    const base = stateOf([
      { type: 'counters', nextFileId: 2 ** 53 - 1, nextKeyspaceId: 1, nextSeqno: 1 },
      { type: 'keyspaceCreated', id: 0, name: '\ufeff名', keyEncoding: undefined, valueEncoding: undefined },
      { type: 'flushedSeqno', keyspaceId: 0, seqno: 2 ** 50 },
    ])
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(anyTable, { selector: ({ id }) => id, maxLength: 8 }),
        async (tables) => {
          const fs = await directory()
          const writer = await ManifestWriter.create(fs, kernel, header, base)
          writer.sync()
          for (const table of tables.filter(({ id }) => id !== header.manifestId)) {
            writer.append([{ type: 'tableAdded', table: { ...table, run: table.id } }])
          }
          const content = await reread(fs, superblockOf(writer))
          expect(plain(content.state)).toEqual(plain(writer.state))
        },
      ),
    )
  })

  it('copies the state it begins with, and opens it again', async () => {
    const state = stateOf(firstEdits, [
      { type: 'journalSealed', id: 1, length: 128, chain: new Uint8Array(8) },
      { type: 'cleanClose', nextSeqno: 77 },
    ])
    const fs = await directory()
    const writer = await ManifestWriter.create(fs, kernel, header, state)
    writer.append([{ type: 'journalRemoved', id: 1 }])
    expect([state.journals.size, writer.state.journals.size]).toEqual([1, 0])
    expect(writer.state.cleanClose).toBeUndefined()
    expect(writer.state.counters.nextSeqno).toBe(77)
  })

  it('never writes what the reader would refuse', async () => {
    const fs = await directory()
    const writer = await createWriter(fs)
    const { length } = writer
    expect(() => writer.append([{ type: 'keyspaceDropped', id: 5 }])).toThrow(
      /keyspace 5 is dropped but not there/,
    )
    expect([writer.length, fs.snapshotFiles().get(manifestName)?.byteLength]).toEqual([length, length])
    const taken = stateOf([{ type: 'counters', nextFileId: 2, nextKeyspaceId: 0, nextSeqno: 1 }])
    await expect(ManifestWriter.create(await directory(), kernel, header, taken)).rejects.toThrow(/counter/)
    await expect(
      ManifestWriter.create(await directory(), kernel, header, new DatabaseState()),
    ).rejects.toThrow()
  })

  it('never outgrows what the reader takes, and lives on', async () => {
    const fs = await directory()
    const writer = await createWriter(fs, 400)
    const edit: VersionEdit = { type: 'flushedSeqno', keyspaceId: 0, seqno: 1 }
    const code = await codeOf(() => {
      for (let i = 0; i < 100; i++) writer.append([edit])
    })
    expect(code).toBe('NOT_SUPPORTED')
    expect(writer.length).toBeLessThanOrEqual(400)
    writer.sync()
    const other = await directory()
    expect(await codeOf(() => createWriter(other, 130))).toBe('NOT_SUPPORTED')
    expect(await other.list()).toEqual([])
  })

  it('counts as durable only what a sync saw', async () => {
    const fs = await directory()
    const writer = await createWriter(fs)
    const { length, chain } = writer
    const syncing = writer.syncAsync()
    writer.append(firstLater)
    await syncing
    expect(writer.durableLength).toBe(length)
    expect(writer.durableChain).toEqual(chain)
    const late = writer.syncAsync()
    writer.append(secondLater)
    writer.sync()
    await late
    expect(writer.durableLength).toBe(writer.length)
  })
})

describe('a full disk', () => {
  it.each([0, 1, 23, 24, 40])(
    'that takes %d bytes of an edit leaves everything as it was',
    async (shortWrite) => {
      const fs = await directory()
      const writer = await createWriter(fs)
      writer.append(firstLater)
      const [before, { length }] = [plain(writer.state), writer]
      failNext(fs, 'write', { shortWrite })
      expect(await codeOf(() => writer.append(secondLater))).toBe('DISK_FULL')
      expect([plain(writer.state), writer.length, writer.durableLength]).toEqual([before, length, length])
      expect(fs.snapshotFiles().get(manifestName)?.byteLength).toBe(length)
      expect(fs.crashImage('loseAll', mulberry32(1)).snapshotFiles().get(manifestName)).toBeUndefined()
      writer.append(secondLater)
      writer.sync()
      const content = await reread(fs, superblockOf(writer))
      expect(plain(content.state)).toEqual(plain(stateOf(firstEdits, firstLater, secondLater)))
    },
  )

  it.each<[string, string, Fault]>([
    ['truncating', 'truncate', { error: 'EIO' }],
    ['syncing', 'sync', { syncFails: 'keepsPages' }],
  ])('poisons when %s fails behind it', async (_, kind, fault) => {
    const fs = await directory()
    const writer = await createWriter(fs)
    fs.onOperation = (__, each) => (each === 'write' ? { shortWrite: 5 } : each === kind ? fault : 'continue')
    expect(await codeOf(() => writer.append(firstLater))).toBe('POISONED')
    fs.onOperation = undefined
    expect(await codeOf(() => writer.append(firstLater))).toBe('POISONED')
  })

  it('at creation leaves no file', async () => {
    const fs = await directory()
    failNext(fs, 'write', { shortWrite: 60 })
    expect(await codeOf(() => createWriter(fs))).toBe('DISK_FULL')
    expect([await fs.list(), fs.openFileCount]).toEqual([[], 0])
  })
})

describe('any other failure poisons for good', () => {
  it.each<[string, string, Fault, (writer: ManifestWriter) => unknown]>([
    ['a write', 'write', { error: 'EIO' }, (writer) => writer.append(firstLater)],
    ['a sync', 'sync', { syncFails: 'dropsPages' }, (writer) => writer.sync()],
    ['a sync that finds the disk full', 'sync', { error: 'ENOSPC' }, (writer) => writer.sync()],
    ['an asynchronous sync', 'sync', { syncFails: 'keepsPages' }, (writer) => writer.syncAsync()],
  ])('%s', async (_, kind, fault, action) => {
    const fs = await directory()
    const writer = await createWriter(fs)
    const { length } = writer
    failNext(fs, kind, fault)
    expect(await codeOf(() => action(writer))).toBe('POISONED')
    const operations = fs.log.length
    const error = errorOf(() => writer.append(firstLater))
    expect([error.code, error.file, error.cause instanceof VarveError]).toEqual([
      'POISONED',
      manifestName,
      true,
    ])
    expect(errorOf(() => writer.sync())).toBe(error)
    await expect(writer.syncAsync()).rejects.toBe(error)
    expect([fs.log.length, writer.durableLength, writer.length]).toEqual([operations, 0, length])
  })

  it('also for a sync that was waiting meanwhile', async () => {
    const fs = await directory()
    const writer = await createWriter(fs)
    const syncing = writer.syncAsync()
    failNext(fs, 'write', { error: 'EIO' })
    expect(errorOf(() => writer.append(firstLater)).code).toBe('POISONED')
    expect(await codeOf(() => syncing)).toBe('POISONED')
    expect(writer.durableLength).toBe(0)
  })
})

describe('a crash at any operation', () => {
  it('leaves a manifest that reads as the state at some edit, none lost that was synced', async () => {
    const edits = [...laterEdits]
    for (let crashAt = 0; crashAt < 100; crashAt++) {
      const fs = await directory()
      const writer = await createWriter(fs)
      writer.sync()
      await fs.syncDirectory()
      const superblock = superblockOf(writer)
      const states = [plain(writer.state)]
      let synced = 0
      const start = fs.log.length
      const shortWrite = (crashAt * 7) % 60
      fs.onOperation = (index, kind) => {
        if (index - start !== crashAt) return 'continue'
        return kind === 'write' ? { shortWrite, thenCrash: true } : 'crash'
      }
      let finished = false
      try {
        for (const [i, edit] of edits.entries()) {
          writer.append(edit)
          states.push(plain(writer.state))
          if (i % 2 === 1) {
            writer.sync()
            synced = states.length - 1
          }
        }
        finished = true
      } catch (error) {
        expect(error instanceof SimulatedCrash || error instanceof VarveError).toBe(true)
      }
      for (const policy of crashPolicies) {
        for (let seed = 0; seed < 8; seed++) {
          const content = await reread(fs.crashImage(policy, mulberry32(seed)), superblock)
          const at = states.findIndex(
            (state) => JSON.stringify(state) === JSON.stringify(plain(content.state)),
          )
          expect(at, `${policy}, seed ${seed}, crash at ${crashAt}`).toBeGreaterThanOrEqual(synced)
          if (policy === 'keepAll') expect(at).toBe(states.length - 1)
        }
      }
      if (finished) return
    }
    throw new Error('the script never finished')
  })
})
