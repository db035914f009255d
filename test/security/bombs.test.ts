/** Small files that say large things: what they say is compared with what is there before memory or time is spent on it. */
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { BLOCK_EXTENT, COMPRESSION_LZ4, PAGE_BYTES, STATUS_MALFORMED } from '../../assembly/memory/layout.ts'
import type { Tree } from '../../src/engine/tree.ts'
import { Kernel } from '../../src/kernel/kernel.ts'
import { openBytes } from '../api/support.ts'
import { keeperOf } from '../integration/regressions/support.ts'
import { bareKernel } from '../kernel/support.ts'
import { signBlock, viewOf, writeBlock } from '../kernel/table-format.ts'
import { FaultyFileSystem } from '../support/faulty.ts'
import { install, large, text, value } from '../verify/crafted-table.ts'

describe('a compressed block', () => {
  const { x, slot, u8 } = bareKernel(32)
  const [blockAt, targetAt, saltAt] = [8 * PAGE_BYTES, 10 * PAGE_BYTES, 12 * PAGE_BYTES]
  const salt = new Uint8Array(16).fill(5)
  u8.set(salt, saltAt)

  it.each([
    [4, 255 * 4 + 65],
    [4, 131_048],
    [500, 131_048],
    [4, 4_294_967_295],
    [200, 131_049],
  ])(
    'of %i bytes that says it holds %i is refused before anything is decompressed',
    (storedBytes, rawBytes) => {
      const block = writeBlock(new Uint8Array(storedBytes).fill(0xff), BLOCK_EXTENT, salt, 64)
      block[1] = COMPRESSION_LZ4
      viewOf(block).setUint32(8, rawBytes, true)
      signBlock(block, BLOCK_EXTENT, salt, 64)
      u8.set(block, blockAt)
      u8.fill(0xa5, targetAt, targetAt + PAGE_BYTES)
      expect(x.checkBlock(slot, blockAt, block.length, BLOCK_EXTENT, saltAt, 64, targetAt)).toBe(
        STATUS_MALFORMED,
      )
      expect(u8.subarray(targetAt, targetAt + PAGE_BYTES).every((byte) => byte === 0xa5)).toBe(true)
    },
  )
})

describe('a value in extents', () => {
  const RealUint8Array = Uint8Array
  let largestBytes = 0

  // NOTE: crafted tables hash keys with the default secret.
  beforeAll(() => void vi.spyOn(Kernel.prototype, 'hashKeysFor').mockImplementation(() => {}))
  afterAll(() => vi.restoreAllMocks())
  afterEach(() => vi.unstubAllGlobals())

  it('that says it is long is given only the memory that its extents turn out to fill', async () => {
    const db = await openBytes<'bytes', 'bytes'>({}, new FaultyFileSystem())
    const keeper = keeperOf(db)
    const [tree] = [...keeper.trees.values()]
    install(keeper, tree as Tree, {
      blocks: [[value('a', 1), large('b', 2, 120_000), value('c', 3)]],
      extent: (_length, offset) => [27_000_000, offset, Array.from({ length: 480 }, () => 250)],
    })
    vi.stubGlobal(
      'Uint8Array',
      new Proxy(RealUint8Array, {
        construct(target, args: unknown[]): Uint8Array {
          if (typeof args[0] === 'number') largestBytes = Math.max(largestBytes, args[0])
          return Reflect.construct(target, args) as Uint8Array
        },
      }),
    )
    expect(() => db.getSync(text('b'))).toThrow(expect.objectContaining({ code: 'CORRUPT' }) as Error)
    await expect(db.get(text('b'))).rejects.toMatchObject({ code: 'CORRUPT' })
    vi.unstubAllGlobals()
    expect(largestBytes).toBeGreaterThan(0)
    expect(largestBytes).toBeLessThanOrEqual(131_072)
    expect(db.getSync(text('c'))).toEqual(text('value 3'))
    await db.close()
  })

  it('that compresses well is read whole, however much it grows', async () => {
    const db = await openBytes<'bytes', 'bytes'>(
      { memoryLimit: 64 * 1024 * 1024, tables: { compression: 'lz4' } },
      new FaultyFileSystem(),
    )
    const values = [40_000, 131_048, 131_049, 1_000_000, 4_000_000].map((length, i) =>
      new Uint8Array(length).fill(i + 1),
    )
    for (const [i, bytes] of values.entries()) db.putSync(text(`k${i}`), bytes)
    await db.flush()
    await db.compact()
    for (const [i, bytes] of values.entries()) {
      const found = db.getSync(text(`k${i}`))
      expect(found?.byteLength).toBe(bytes.byteLength)
      expect(found?.buffer.byteLength).toBe(bytes.byteLength)
      expect(Buffer.compare(found ?? new Uint8Array(), bytes)).toBe(0)
    }
    await db.close()
  })
})
