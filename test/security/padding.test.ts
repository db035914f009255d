/** Bytes of memory that nobody wrote to a file on purpose are in no file. */
import { afterEach, expect, it, vi } from 'vitest'
import { PAGE_BYTES } from '../../assembly/memory/layout.ts'
import { openOn } from '../../src/api/open.ts'
import { Kernel } from '../../src/kernel/kernel.ts'
import { engineOf } from '../integration/regressions/support.ts'
import { FaultyFileSystem } from '../support/faulty.ts'

const CANARY = 0xc5
const options = {
  memoryLimit: 16 * 1024 * 1024,
  memtableSize: 65_536,
  keyEncoding: 'utf8',
  valueEncoding: 'utf8',
} as const

afterEach(() => vi.restoreAllMocks())

/** Fills all pages that are free with canaries. */
function plant(kernel: Kernel): void {
  const pages: number[] = []
  for (;;) {
    const page = kernel.exports.allocatePage() >>> 0
    if (page === 0) break
    pages.push(page)
    kernel.u8.fill(CANARY, page, page + PAGE_BYTES)
  }
  for (const page of pages) kernel.exports.freePage(page)
}

function canariesIn(files: FaultyFileSystem): string[] {
  return [...files.snapshotFiles()].flatMap(([name, bytes]) => {
    const at = Buffer.from(bytes).indexOf(Buffer.alloc(4, CANARY))
    return at === -1 ? [] : [`${name}:${at}`]
  })
}

it('no file holds what was in memory before it was given out', async () => {
  const create = Kernel.create.bind(Kernel)
  vi.spyOn(Kernel, 'create').mockImplementation((memoryLimit, seed) => {
    const kernel = create(memoryLimit, seed)
    plant(kernel)
    return kernel
  })
  const files = new FaultyFileSystem()
  const seen = new Set<string>()
  files.onOperation = () => {
    for (const canary of canariesIn(files)) seen.add(canary)
    return 'continue'
  }
  for (let round = 0; round < 3; round++) {
    const db = await openOn(files, { ...options, durability: round === 1 ? 'buffered' : 'os' })
    for (let i = 0; i < 150; i++) {
      // Lengths of all remainders: frames, blocks and edits are padded.
      const value = 'v'.repeat((i * 37) % 200)
      if (i % 4 === 0) await db.put(`k${i}`, value)
      else if (i % 4 === 1) db.putSync(`k${i}`, value)
      else if (i % 4 === 2)
        db.batch()
          .put(`b${i}`, value)
          .delete(`k${i - 3}`)
          .commitSync()
      else db.deleteSync(`k${i * round}`)
      if (i % 40 === 39) plant(engineOf(db).kernel)
    }
    db.putSync('large', 'L'.repeat(40_000 + round))
    db.putSync(
      'uncompressible',
      Buffer.from(crypto.getRandomValues(new Uint8Array(30_000))).toString('latin1'),
    )
    await db.keyspace(`keyspace ${round}`)
    await db.flush()
    await db.compact()
    await db.close()
  }
  expect([...seen]).toEqual([])
})

it('the search finds what is there', async () => {
  const files = new FaultyFileSystem()
  const db = await openOn(files, { memoryLimit: options.memoryLimit })
  db.putSync('k', new Uint8Array(9).fill(CANARY))
  await db.close()
  expect(canariesIn(files)).toHaveLength(1)
})
