/** What `recovery: 'salvage'` makes of damaged databases. */
import { beforeAll, describe, expect, it } from 'vitest'
import { expectCode } from '../api/support.ts'
import type { FaultyFileSystem } from '../support/faulty.ts'
import {
  contentsOf,
  diskOf,
  makeGolden,
  named,
  openDamaged,
  plain,
  salvaged,
  type Contents,
  type Golden,
} from './damaged.ts'

let golden: Golden
beforeAll(async () => {
  golden = await makeGolden()
})

/** Everything in it was written to that key at some time. */
function expectHistory(contents: Contents): void {
  for (const [space, entries] of contents) {
    for (const [key, value] of entries)
      expect(
        golden.history.get(`${space}/${key}`)?.has(value),
        `${space}/${key}: ${value.slice(0, 20)}`,
      ).toBe(true)
  }
}

/** Keys whose entry is not as it should be. */
function wrongKeys(contents: Contents): string[] {
  const wrong: string[] = []
  for (const [space, entries] of golden.contents) {
    const found = contents.get(space)
    for (const [key, value] of entries) if (found?.get(key) !== value) wrong.push(`${space}/${key}`)
    for (const key of found?.keys() ?? []) if (!entries.has(key)) wrong.push(`${space}/${key}`)
  }
  return wrong
}

function flip(files: FaultyFileSystem, name: string | undefined, part: number): void {
  const size = files.snapshotFiles().get(name ?? '')?.byteLength ?? 0
  files.flipBits(name ?? '', Math.floor(size * part), 4)
}

describe('salvage', () => {
  it('of a sound database changes nothing, and reports nothing', async () => {
    const files = diskOf(golden)
    const db = await openDamaged(files)
    expect(db.recovery).toEqual({ droppedBytes: 0, droppedFrom: '', reason: '' })
    expect(plain(await contentsOf(db))).toEqual(plain(golden.contents))
    await db.close()
    expect(files.snapshotFiles()).toEqual(golden.files)
    expect(files.aside.size).toBe(0)
  })

  it('of no database creates one, if it may', async () => {
    const { FaultyFileSystem } = await import('../support/faulty.ts')
    const db = await openDamaged(new FaultyFileSystem())
    expect(db.recovery.salvage).toBeUndefined()
    await db.close()
  })

  it('takes all but a damaged block out of a table, and keeps the files as they were', async () => {
    for (const name of named(golden, '.sst')) {
      const files = diskOf(golden)
      flip(files, name, 0.4)
      const before = files.snapshotFiles()
      const { contents, recovery } = await salvaged(files)
      expectHistory(contents)
      expect(wrongKeys(contents).length).toBeLessThan(30)
      const { salvage } = recovery
      expect(salvage?.losses[0]).toMatchObject({ file: name })
      expect(files.aside.get(salvage?.keptIn ?? '')).toEqual(before)
      expect(files.openFileCount).toBe(0)
    }
  })

  it('loses nothing where what is damaged says nothing of its own: index, filter, properties, footer', async () => {
    const [name = ''] = named(golden, '.sst')
    const size = golden.files.get(name)?.byteLength ?? 0
    for (const fromEnd of [1, 30, 100]) {
      const files = diskOf(golden)
      files.flipBits(name, size - fromEnd, 1)
      const { contents } = await salvaged(files)
      expect(wrongKeys(contents)).toEqual([])
    }
  })

  it('goes on without a table, a journal', async () => {
    for (const extension of ['.sst', '.wal']) {
      for (const name of named(golden, extension)) {
        const files = diskOf(golden)
        files.dropFile(name)
        await expectCode('MISSING_FILE', () => openDamaged(files, 'tolerate-tail'))
        const { contents, recovery } = await salvaged(files)
        expectHistory(contents)
        expect(recovery.salvage?.losses.map(({ file }) => file)).toContain(name)
      }
    }
  })

  it('finds everything without manifest or superblock, but for names and what was deleted', async () => {
    const damages: Record<string, (files: FaultyFileSystem) => void> = {
      'no superblock': (files) => {
        for (const copy of ['superblock-a', 'superblock-b']) files.dropFile(copy)
      },
      'a superblock copy missing': (files) => files.dropFile('superblock-b'),
      'both superblocks damaged': (files) => {
        for (const copy of ['superblock-a', 'superblock-b']) files.flipBits(copy, 33, 8)
      },
      'no manifest': (files) => {
        for (const name of named(files, '.man')) files.dropFile(name)
      },
      'a manifest with a damaged header': (files) => files.flipBits(named(files, '.man')[0] ?? '', 20, 1),
      'a manifest with a damaged edit': (files) => flip(files, named(files, '.man')[0], 0.9),
    }
    for (const [what, damage] of Object.entries(damages)) {
      const files = diskOf(golden)
      damage(files)
      await expect(openDamaged(files, 'tolerate-tail'), what).rejects.toThrow()
      const { contents, recovery } = await salvaged(files)
      const renamed = new Map(
        [...contents].map(([name, entries]) => [name.startsWith('salvaged-') ? 'other' : name, entries]),
      )
      expect(wrongKeys(renamed), what).toEqual([])
      expect(recovery.salvage?.mayBeOld, what).toBe(true)
    }
  })

  it('takes the records behind a damaged one out of a journal', async () => {
    const [name = ''] = named(golden, '.wal').slice(-1)
    for (const part of [0.2, 0.5, 0.8]) {
      const files = diskOf(golden)
      flip(files, name, part)
      await expect(openDamaged(files, 'tolerate-tail')).rejects.toThrow()
      const { contents } = await salvaged(files)
      expectHistory(contents)
      // One record, or the one behind it as well.
      expect(wrongKeys(contents).length).toBeLessThanOrEqual(2)
    }
  })

  it(
    'opens what any flipped bit leaves, and finds nothing that was not written',
    { timeout: 120_000 },
    async () => {
      let tried = 0
      for (const [name, bytes] of golden.files) {
        const step = Math.max(1, Math.floor(bytes.byteLength / 40))
        for (let at = tried % step; at < bytes.byteLength; at += step) {
          const files = diskOf(golden)
          files.flipBits(name, at, 1 << (at % 8))
          const { contents } = await salvaged(files)
          tried++
          const renamed = new Map(
            [...contents].map(([space, entries]) => [
              space.startsWith('salvaged-') ? 'other' : space,
              entries,
            ]),
          )
          expectHistory(renamed)
          expect(wrongKeys(renamed).length, `${name}:${at}`).toBeLessThan(30)
        }
      }
      expect(tried).toBeGreaterThan(200)
    },
  )

  it(
    'that is cut short at any operation leaves the damaged database, or the new one',
    { timeout: 120_000 },
    async () => {
      const [name = ''] = named(golden, '.sst')
      const damaged = diskOf(golden)
      flip(damaged, name, 0.4)
      const expected = plain((await salvaged(damaged.clone())).contents)
      const images: FaultyFileSystem[] = []
      const recorded = damaged.clone()
      recorded.onOperation = () => {
        for (const policy of ['keepAll', 'loseAll', 'randomBlocks'] as const)
          images.push(recorded.crashImage(policy, () => 0.4))
        return 'continue'
      }
      const db = await openDamaged(recorded)
      recorded.onOperation = undefined
      await db.close()
      expect(images.length).toBeGreaterThan(50)
      for (const image of images) {
        const { contents } = await salvaged(image)
        expect(plain(contents)).toEqual(expected)
      }
    },
  )
})
