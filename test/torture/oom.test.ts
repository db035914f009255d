/** T04 in small: see oom.ts. More of it: node test/torture/run.mjs oom --seconds 600. The positive controls below prove that it would notice. */
import { afterEach, describe, expect, it, vi } from 'vitest'
import { noPages } from '../../src/kernel/kernel.ts'
import { Files } from '../../src/engine/files.ts'
import { Memtable } from '../../src/engine/memtable.ts'
import { Tree } from '../../src/engine/tree.ts'
import { WritePath } from '../../src/engine/write-path.ts'
import { EntryStream } from '../../src/table/entry-stream.ts'
import { TableWriter } from '../../src/table/writer.ts'
import { original } from '../support/original.ts'
import { oom } from './oom.ts'

const seconds = Number(process.env['VARVE_TORTURE_SECONDS'] ?? 15)
const seed = Number(process.env['VARVE_SEED'] ?? 1)

it('oom finds nothing', { timeout: (seconds + 120) * 1000 }, async () => {
  const summary = await oom({ seed, seconds, steps: 24 })
  console.log(JSON.stringify(summary))
  expect(summary.runs).toBeGreaterThanOrEqual(150)
  expect(summary.failed).toBeGreaterThan(100)
  expect(summary.capped).toBeGreaterThanOrEqual(129)
})

describe('oom notices', () => {
  afterEach(() => {
    vi.restoreAllMocks()
  })

  const notices = (message: RegExp): Promise<void> =>
    expect(oom({ seed: 6, seconds: 20, workloads: 1, steps: 24 })).rejects.toThrow(message)

  it('a stream that a failed job forgets', async () => {
    const abandon = original(TableWriter.prototype, 'abandon')
    const free = original(EntryStream.prototype, 'free')
    let isAbandoned = false
    vi.spyOn(TableWriter.prototype, 'abandon').mockImplementation(function (this: TableWriter) {
      isAbandoned = true
      abandon.call(this)
    })
    vi.spyOn(EntryStream.prototype, 'free').mockImplementation(function (this: EntryStream) {
      if (!isAbandoned) free.call(this)
      isAbandoned = false
    })
    await notices(/in use at the end/)
  })

  it('a memtable that is lost when its SuperVersion cannot be made', async () => {
    const openMemtable = original(Tree.prototype, 'openMemtable')
    const free = original(Memtable.prototype, 'free')
    let isOpening = false
    vi.spyOn(Tree.prototype, 'openMemtable').mockImplementation(function (this: Tree, firstJournal) {
      isOpening = true
      try {
        return openMemtable.call(this, firstJournal)
      } finally {
        isOpening = false
      }
    })
    vi.spyOn(Memtable.prototype, 'free').mockImplementation(function (this: Memtable) {
      if (!isOpening) free.call(this)
    })
    await notices(/in use at the end/)
  })

  it('a write that says it failed and was applied', async () => {
    const putSync = original(WritePath.prototype, 'putSync')
    const openMemtable = original(Tree.prototype, 'openMemtable')
    let hasFailed = false
    vi.spyOn(Tree.prototype, 'openMemtable').mockImplementation(function (this: Tree, firstJournal) {
      try {
        return openMemtable.call(this, firstJournal)
      } catch (error) {
        hasFailed = true
        throw error
      }
    })
    vi.spyOn(WritePath.prototype, 'putSync').mockImplementation(function (this: WritePath, ...args) {
      putSync.apply(this, args)
      if (!hasFailed) return
      hasFailed = false
      throw noPages()
    })
    await notices(/holds something else|there are pages again, and/)
  })

  it('an error without a code', async () => {
    const prepare = original(Tree.prototype, 'prepare')
    vi.spyOn(Tree.prototype, 'prepare').mockImplementation(function (this: Tree, replacement) {
      try {
        return prepare.call(this, replacement)
      } catch {
        throw new Error('out of pages')
      }
    })
    await notices(/failed with|fails/)
  })

  it('a file that a failed job leaves behind', async () => {
    const abandon = original(TableWriter.prototype, 'abandon')
    const removeOrphan = original(Files.prototype, 'removeOrphan')
    let isAbandoned = false
    vi.spyOn(TableWriter.prototype, 'abandon').mockImplementation(function (this: TableWriter) {
      isAbandoned = true
      abandon.call(this)
    })
    vi.spyOn(Files.prototype, 'removeOrphan').mockImplementation(function (this: Files, name) {
      if (!isAbandoned) removeOrphan.call(this, name)
      isAbandoned = false
    })
    await notices(/files are in use, but there are/)
  })
})
