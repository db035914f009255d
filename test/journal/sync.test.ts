import { beforeEach, describe, expect, it } from 'vitest'
import { isInCriticalSection } from '../../src/engine/critical-section.ts'
import { VarveError } from '../../src/errors.ts'
import { JournalRecord } from '../../src/journal/journal-record.ts'
import { JournalWriter } from '../../src/journal/writer.ts'
import { Kernel } from '../../src/kernel/kernel.ts'
import { codeOf, framesOf, headerOf, payloadOf, ProbeFile, put, testKernel } from './support.ts'

let kernel: Kernel
let file: ProbeFile
let writer: JournalWriter
const a = payloadOf(1, 24)

beforeEach(() => {
  kernel = testKernel()
  file = new ProbeFile(1)
  writer = JournalWriter.begin(kernel, file, headerOf(1), 1)
})

async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve))
}

describe('sync', () => {
  it('covers what waits in the buffer, and costs nothing when there is nothing new', () => {
    put(kernel, writer, a, 1, true)
    writer.sync()
    expect(file.durable.byteLength).toBe(192)
    expect(writer.syncedOffset).toBe(192)
    writer.sync()
    expect(file.syncs).toBe(1)
  })

  it('is told in the frames that follow', () => {
    put(kernel, writer, a)
    put(kernel, writer, a)
    writer.sync()
    put(kernel, writer, a)
    put(kernel, writer, a, 1, true)
    writer.sync()
    put(kernel, writer, a)
    const synced = framesOf(kernel, file, 1, writer.length).map(({ syncedOffset }) => syncedOffset)
    expect(synced).toEqual([0, 0, 256, 256, 384])
  })

  it('proves the length at which it started, no more', async () => {
    file.holdSyncs = true
    put(kernel, writer, a)
    const first = writer.syncAsync()
    put(kernel, writer, a)
    expect(writer.syncedOffset).toBe(0)
    file.pendingSyncs.shift()?.resolve()
    await first
    expect(writer.syncedOffset).toBe(192)
    expect(writer.length).toBe(256)
  })

  it('is shared by concurrent callers', async () => {
    file.holdSyncs = true
    put(kernel, writer, a)
    const first = [writer.syncAsync(), writer.syncAsync()]
    put(kernel, writer, a)
    const second = [writer.syncAsync(), writer.syncAsync()]
    put(kernel, writer, a)
    const third = writer.syncAsync()
    expect(file.syncs).toBe(1)
    let done = 0
    for (const promise of [...second, third]) void promise.then(() => done++)
    file.pendingSyncs.shift()?.resolve()
    await Promise.all(first)
    await turn()
    expect(done).toBe(0)
    expect(file.syncs).toBe(2)
    file.pendingSyncs.shift()?.resolve()
    await Promise.all([...second, third])
    expect(file.syncs).toBe(2)
    expect(writer.syncedOffset).toBe(writer.length)
    await writer.syncAsync()
    expect(file.syncs).toBe(2)
  })

  it('never takes back what a later one proved', async () => {
    file.holdSyncs = true
    put(kernel, writer, a)
    const slow = writer.syncAsync()
    put(kernel, writer, a)
    writer.sync()
    expect(writer.syncedOffset).toBe(256)
    file.pendingSyncs.shift()?.resolve()
    await slow
    expect(writer.syncedOffset).toBe(256)
  })

  it('fails for all who share it, and for those who wait for the next', async () => {
    file.holdSyncs = true
    put(kernel, writer, a)
    const first = [writer.syncAsync(), writer.syncAsync()]
    put(kernel, writer, a)
    const queued = [writer.syncAsync(), writer.syncAsync()]
    file.pendingSyncs.shift()?.reject(new VarveError('IO', 'injected'))
    for (const promise of [...first, ...queued]) {
      await expect(promise).rejects.toMatchObject({ code: 'POISONED' })
    }
    expect(file.syncs).toBe(1)
    expect(writer.syncedOffset).toBe(0)
  })

  it('proves nothing when another sync failed meanwhile', async () => {
    file.holdSyncs = true
    put(kernel, writer, a)
    const running = writer.syncAsync()
    put(kernel, writer, a)
    const queued = writer.syncAsync()
    file.faults.sync = (call) => {
      if (call === 2) throw new VarveError('IO', 'injected')
    }
    expect(codeOf(() => writer.sync())).toBe('POISONED')
    file.pendingSyncs.shift()?.resolve()
    await expect(running).rejects.toMatchObject({ code: 'POISONED' })
    await expect(queued).rejects.toMatchObject({ code: 'POISONED' })
    expect(file.syncs).toBe(2)
    expect(writer.syncedOffset).toBe(0)
  })

  it('reports a full disk without poisoning', async () => {
    put(kernel, writer, a, 1, true)
    file.faults.write = () => 3
    await expect(writer.syncAsync()).rejects.toMatchObject({ code: 'DISK_FULL' })
    expect(codeOf(() => writer.sync())).toBe('DISK_FULL')
    file.faults = {}
    await writer.syncAsync()
    expect(writer.syncedOffset).toBe(192)
  })
})

describe('of several threads', () => {
  /** The same journal, as another thread has it. */
  function elsewhere(): { other: Kernel; theirs: JournalWriter } {
    const other = Kernel.attach(kernel.memory)
    const theirs = new JournalWriter(other, file, new JournalRecord(other, writer.record.address), Infinity)
    return { other, theirs }
  }

  it('one syncs at a time, and those who waited are served by it', () => {
    const { other, theirs } = elsewhere()
    put(kernel, writer, a)
    expect(theirs.record.takeSyncTurn()).toBe(true)
    expect(writer.record.takeSyncTurn()).toBe(false)
    expect(isInCriticalSection(other.words, other.slotIndex)).toBe(true)
    expect(isInCriticalSection(other.words, kernel.slotIndex)).toBe(false)
    file.sync()
    theirs.record.prove(theirs.length)
    writer.syncWritten()
    expect(file.syncs).toBe(1)
    theirs.record.giveSyncTurn()
    put(kernel, writer, a)
    writer.syncWritten()
    expect(file.syncs).toBe(2)
  })

  it('nothing is proven by a sync behind one that failed: the host has told that one only', () => {
    const { theirs } = elsewhere()
    put(kernel, writer, a)
    const [fail, work] = [
      () => {
        throw new VarveError('IO', 'The disk is gone.')
      },
      file.sync.bind(file),
    ]
    file.sync = fail
    expect(codeOf(() => theirs.syncWritten())).toBe('POISONED')
    file.sync = work
    expect(codeOf(() => writer.syncWritten())).toBe('POISONED')
    expect(writer.syncedOffset).toBe(0)
  })
})

describe('rotation', () => {
  function successor(): { next: JournalWriter; nextFile: ProbeFile } {
    const nextFile = new ProbeFile(2)
    const link = writer.seal()
    const next = JournalWriter.begin(kernel, nextFile, headerOf(2, link), kernel.exports.nextSeqno(), writer)
    return { next, nextFile }
  }

  it('seals at what was acknowledged', () => {
    put(kernel, writer, a)
    put(kernel, writer, a, 1, true)
    const link = writer.seal()
    expect(link).toEqual({ id: 1, length: 256, chain: file.bytes.slice(192, 200) })
    expect(writer.seal()).toBe(link)
    expect(codeOf(() => writer.reserve(1))).toBe('CLOSED')
    expect(codeOf(() => put(kernel, writer, a, 1, false, 'record'))).toBe('CLOSED')
    expect(file.syncs).toBe(0)
    expect(writer.chain).toEqual(link.chain)
  })

  it('does not seal what cannot be written', () => {
    put(kernel, writer, a, 1, true)
    file.faults.write = () => 3
    expect(codeOf(() => writer.seal())).toBe('DISK_FULL')
    file.faults = {}
    put(kernel, writer, a)
    expect(writer.seal().length).toBe(256)
  })

  it('seals with the seqnos that were lost', () => {
    put(kernel, writer, a)
    file.faults.write = () => 3
    expect(codeOf(() => put(kernel, writer, a, 5))).toBe('DISK_FULL')
    file.faults = {}
    const { next, nextFile } = successor()
    put(kernel, next, a)
    expect(framesOf(kernel, file, 1, writer.length).at(-1)).toMatchObject({ kind: 5, baseSeqno: 2, count: 5 })
    expect(framesOf(kernel, nextFile, 2, next.length)).toMatchObject([{ baseSeqno: 7 }])
  })

  it('syncs the old journal before the first sync of the new one', async () => {
    put(kernel, writer, a)
    const { next, nextFile } = successor()
    put(kernel, next, a)
    nextFile.faults.sync = () => {
      expect(writer.syncedOffset).toBe(writer.length)
    }
    next.sync()
    expect([file.syncs, nextFile.syncs]).toEqual([1, 1])
    put(kernel, next, a)
    await next.syncAsync()
    expect([file.syncs, nextFile.syncs]).toEqual([1, 2])
  })

  it('does so asynchronously too, and before the sync of a cut', async () => {
    put(kernel, writer, a)
    const { next, nextFile } = successor()
    nextFile.faults.sync = () => {
      expect(writer.syncedOffset).toBe(writer.length)
    }
    file.holdSyncs = true
    put(kernel, next, a)
    const syncing = next.syncAsync()
    put(kernel, next, a)
    const sharing = next.syncAsync()
    await turn()
    expect([file.syncs, nextFile.syncs]).toEqual([1, 0])
    file.pendingSyncs.shift()?.resolve()
    await Promise.all([syncing, sharing])
    expect([file.syncs, nextFile.syncs]).toEqual([1, 1])
    expect(next.syncedOffset).toBe(next.length)
  })

  it('syncs it before the sync of a cut', () => {
    put(kernel, writer, a)
    const { next, nextFile } = successor()
    nextFile.faults.write = () => 0
    expect(codeOf(() => put(kernel, next, a))).toBe('DISK_FULL')
    expect([file.syncs, nextFile.syncs]).toEqual([1, 1])
  })

  it('poisons the new journal when the old one cannot be synced', () => {
    put(kernel, writer, a)
    const { next, nextFile } = successor()
    put(kernel, next, a)
    file.faults.sync = () => {
      throw new VarveError('IO', 'injected')
    }
    expect(codeOf(() => next.sync())).toBe('POISONED')
    expect(codeOf(() => next.reserve(1))).toBe('POISONED')
    expect(writer.poisoned).toBeDefined()
    expect(nextFile.syncs).toBe(0)
  })
})

describe('close', () => {
  it('gives back page and file, once, and writes nothing', () => {
    const pages = kernel.freePages()
    const other = JournalWriter.begin(kernel, new ProbeFile(2), headerOf(2), 1)
    expect(kernel.freePages()).toBe(pages - 1)
    other.close()
    other.close()
    expect(kernel.freePages()).toBe(pages)
    put(kernel, writer, a, 1, true)
    writer.close()
    expect(file.writes).toEqual([])
    expect(file.closed).toBe(true)
    expect(codeOf(() => writer.reserve(1))).toBe('CLOSED')
  })

  it('gives the page back once when sealed before', () => {
    const pages = kernel.freePages()
    writer.seal()
    writer.close()
    expect(kernel.freePages()).toBe(pages + 1)
  })

  it('waits for a running sync with the file', async () => {
    file.holdSyncs = true
    put(kernel, writer, a)
    const syncing = writer.syncAsync()
    writer.close()
    expect(file.closed).toBe(false)
    file.pendingSyncs.shift()?.resolve()
    await syncing
    await turn()
    expect(file.closed).toBe(true)
  })
})
