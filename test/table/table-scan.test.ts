/** TableScan over files whose lengths are as they should be, and as nobody should believe them. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { VarveError } from '../../src/errors.ts'
import { memoryFileSystem } from '../../src/fs/memory.ts'
import type { TableFile } from '../../src/table/table-file.ts'
import { TableScan } from '../../src/table/table-scan.ts'

const HEADER = 64
const FOOTER = 64

/** A file of these blocks (kind and payload length) between a header and a footer. */
function fileOf(blocks: readonly (readonly [kind: number, length: number])[]): Uint8Array {
  const parts = blocks.map(([kind, length], i) => {
    const block = new Uint8Array(16 + length + 8).fill(i + 1)
    block[0] = kind
    new DataView(block.buffer).setUint32(4, length, true)
    return block
  })
  return new Uint8Array(Buffer.concat([new Uint8Array(HEADER), ...parts, new Uint8Array(FOOTER)]))
}

async function scanOf(bytes: Uint8Array, sizeBytes: number = bytes.byteLength): Promise<TableScan> {
  const files = memoryFileSystem()
  await files.prepare(true)
  const file = await files.create('0000000000000001.sst')
  file.write(bytes, 0, bytes.byteLength, 0)
  return new TableScan({ file, info: { sizeBytes } } as TableFile)
}

interface Seen {
  blocks: [kind: number, offset: number, sizeBytes: number][]
  error: VarveError | undefined
}

function scanAll(scan: TableScan, bytes: Uint8Array): Seen {
  const blocks: Seen['blocks'] = []
  const target = new Uint8Array(131_072 + 3)
  try {
    while (scan.next()) {
      const { kind, offset, sizeBytes } = scan
      blocks.push([kind, offset, sizeBytes])
      scan.copyTo(target, 3)
      expect(
        Buffer.compare(target.subarray(3, 3 + sizeBytes), bytes.subarray(offset, offset + sizeBytes)),
      ).toBe(0)
    }
    expect(scan.next()).toBe(false)
    return { blocks, error: undefined }
  } catch (error) {
    if (!(error instanceof VarveError)) throw error
    return { blocks, error }
  }
}

describe('a scan', () => {
  test('hands out every block, whatever their lengths, across the pieces it reads', async () => {
    const length = fc.oneof(fc.nat(60), fc.nat(5000), fc.constantFrom(0, 131_048, 131_047, 65_536))
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.integer({ min: 1, max: 8 }), length), { maxLength: 60 }),
        async (blocks) => {
          const bytes = fileOf(blocks)
          const { blocks: seen, error } = scanAll(await scanOf(bytes), bytes)
          expect(error).toBeUndefined()
          let offset = HEADER
          const expected = blocks.map(([kind, length]) => {
            offset += length + 24
            return [kind, offset - length - 24, length + 24]
          })
          expect(seen).toEqual(expected)
        },
      ),
      { numRuns: 60 },
    )
  })

  test.each([
    ['the largest number', 4_294_967_295],
    ['one that makes a small sum of 32 bits', 4_294_967_296 - 24 + 40],
    ['more than a block may have', 131_049],
    ['one byte more than there is', 41],
    ['so much that a part of a header is left', 30],
  ])('refuses a length of %s', async (_what, length) => {
    const bytes = fileOf([
      [1, 100],
      [1, 40],
    ])
    const at = HEADER + 124
    new DataView(bytes.buffer).setUint32(at + 4, length, true)
    const { blocks, error } = scanAll(await scanOf(bytes), bytes)
    expect(blocks[0]).toEqual([1, HEADER, 124])
    expect(error).toMatchObject({ code: 'CORRUPT', file: '0000000000000001.sst' })
    expect(error?.offset).toBeGreaterThanOrEqual(at)
  })

  test('refuses a file that is shorter than the manifest says', async () => {
    const bytes = fileOf([
      [1, 100],
      [1, 5000],
    ])
    const cut = bytes.subarray(0, 1000)
    const { blocks, error } = scanAll(await scanOf(cut, bytes.byteLength), bytes)
    expect(blocks).toEqual([[1, HEADER, 124]])
    expect(error).toMatchObject({ code: 'CORRUPT', offset: HEADER + 124 })
  })

  test('ends whatever the bytes are, and hands out nothing beyond the file', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ minLength: HEADER + FOOTER, maxLength: 3000, size: 'max' }),
        fc.array(fc.tuple(fc.nat(2900), fc.nat(200)), { maxLength: 40 }),
        async (bytes, lengths) => {
          // Plausible lengths here and there, so that it comes further than to the first block.
          const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
          for (const [at, length] of lengths) {
            if (at + 4 <= bytes.byteLength) view.setUint32(at, length, true)
          }
          const { blocks, error } = scanAll(await scanOf(bytes), bytes)
          for (const [, offset, sizeBytes] of blocks) {
            expect(offset + sizeBytes).toBeLessThanOrEqual(bytes.byteLength - FOOTER)
          }
          if (error !== undefined) expect(error.code).toBe('CORRUPT')
        },
      ),
      { numRuns: 300 },
    )
  })
})
