/**
 * T02 in small: see bounded-exhaustive.ts; of the longest sequences a quarter. All of them: npm run torture -- bounded-exhaustive --seconds 120.
 * The positive controls below prove that the checker would notice.
 */
import { describe, expect, it } from 'vitest'
import { FaultyFileSystem } from '../support/faulty.ts'
import { KINDS } from './alphabet.ts'
import { boundedExhaustive, identityOf } from './bounded-exhaustive.ts'
import { misled, type Mischief } from './controls.ts'

const seed = Number(process.env['VARVE_SEED'] ?? 1)

describe('bounded-exhaustive', () => {
  it('finds nothing', { timeout: 360_000 }, async () => {
    const summary = await boundedExhaustive({ seed, seconds: 240, share: 0.25 })
    console.log(JSON.stringify(summary))
    expect(summary.complete).toBe(1)
    expect(summary.sequences).toBeGreaterThanOrEqual(110 + 200)
    expect(summary.images).toBeGreaterThan(22_500)
  })

  it('has kinds that reach the disk, each in its own way', async () => {
    const operations = new Map<string, number>()
    for (const kind of KINDS) {
      const summary = await boundedExhaustive({ seed, seconds: 60, case: kind })
      operations.set(kind, summary.operations)
    }
    const of = (kind: string): number => operations.get(kind) ?? 0
    const least = of('put')
    for (const kind of ['rotate', 'flush', 'compact', 'clear', 'dropRange', 'keyspace'])
      expect(of(kind), kind).toBeGreaterThan(least)
    // A new journal: its creation, its name, what seals the old one.
    expect(of('rotate')).toBeGreaterThanOrEqual(least + 2 * 3)
  })
})

describe('images are taken for equal', () => {
  const bytes = (...list: number[]): Uint8Array => Uint8Array.from(list)
  const disk = (files: Record<string, Uint8Array>, bootNumber = 1): string =>
    identityOf(FaultyFileSystem.fromFiles(new Map(Object.entries(files)), { bootNumber }))

  it('if all is equal', () => {
    expect(disk({ a: bytes(1, 2), b: bytes() })).toBe(disk({ a: bytes(1, 2), b: bytes() }))
  })

  it('not if a bit, a length, a name, a file or the boot differs', () => {
    const others = [
      disk({ a: bytes(1, 3), b: bytes() }),
      disk({ a: bytes(1, 2, 0), b: bytes() }),
      disk({ a: bytes(1, 2), c: bytes() }),
      disk({ a: bytes(1, 2) }),
      disk({ a: bytes(), b: bytes(1, 2) }),
      disk({ a: bytes(1, 2), b: bytes() }, 2),
    ]
    expect(others).not.toContain(disk({ a: bytes(1, 2), b: bytes() }))
    expect(new Set(others).size).toBe(others.length)
  })
})

describe('bounded-exhaustive notices', () => {
  const lost = (extension: string, which: number): Mischief => {
    let writes = 0
    return {
      write: (file, source, start, length, _, go) => {
        // NOTE: zeros that are lost are no loss: a journal has some behind its frames.
        const isZero = source.subarray(start, start + length).every((byte) => byte === 0)
        if (!file.name.endsWith(extension) || isZero || ++writes !== which) go()
      },
    }
  }
  const controls: Record<string, () => Mischief> = {
    'syncs of the journal that never happen': () => ({
      sync: (file, go) => (file.name.endsWith('.wal') ? undefined : go()),
    }),
    'syncs of the manifest that never happen': () => ({
      sync: (file, go) => (file.name.endsWith('.man') ? undefined : go()),
    }),
    'syncs of the directory that never happen': () => ({ syncDirectory: () => {} }),
    'a write to the journal that is lost': () => lost('.wal', 3),
    'an edit of the manifest that is lost': () => lost('.man', 4),
  }
  it('nothing on an honest disk behind the same driver', async () => {
    await boundedExhaustive({ seed, seconds: 60, steps: 1, disk: (files) => misled(files, {}) })
  })

  for (const [name, mischief] of Object.entries(controls)) {
    it(name, { timeout: 60_000 }, async () => {
      const disk = (files: FaultyFileSystem): FaultyFileSystem => misled(files, mischief())
      await expect(boundedExhaustive({ seed, seconds: 30, steps: 2, disk })).rejects.toThrow(
        /(does not open|wrong contents|without a crash)[^]*again: node test\/torture\/run\.mjs/,
      )
    })
  }
})
