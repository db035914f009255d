/** Two copies: every damage of one is survived and reported, and no crash leaves neither. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { VarveError } from '../../src/errors.ts'
import { superblockFileName, type SuperblockCopy } from '../../src/fs/file-names.ts'
import { putU64, viewOf } from '../../src/version/binary.ts'
import {
  decodeSuperblock,
  encodeSuperblock,
  readSuperblock,
  SUPERBLOCK_BYTES,
  type Superblock,
  type SuperblockContent,
  type SuperblockFound,
} from '../../src/version/superblock.ts'
import { discardUnfinishedSuperblock, SuperblockWriter } from '../../src/version/superblock-writer.ts'
import { crashPolicies, FaultyFileSystem, SimulatedCrash, type Fault } from '../support/faulty.ts'
import { mulberry32 } from '../support/random.ts'
import { codeOf, databaseId, filled, flipped, kernel } from './support.ts'

const copies = ['a', 'b'] as const
const [nameA, nameB] = [superblockFileName('a'), superblockFileName('b')]

/** Contents that differ in `manifestLength`. */
function content(number: number, rest: Partial<SuperblockContent> = {}): SuperblockContent {
  return {
    databaseId,
    epoch: 5,
    manifestId: 2,
    manifestLength: 128 + 8 * number,
    manifestChain: filled(8, number),
    cleanClose: false,
    ...rest,
  }
}

function bytesOf(superblock: Superblock, copy: SuperblockCopy): Uint8Array {
  return encodeSuperblock(kernel, superblock, copy)
}

function diskOf(a: Uint8Array | undefined, b: Uint8Array | undefined): FaultyFileSystem {
  const files = new Map<string, Uint8Array>()
  if (a !== undefined) files.set(nameA, a)
  if (b !== undefined) files.set(nameB, b)
  return FaultyFileSystem.fromFiles(files)
}

async function found(fs: FaultyFileSystem): Promise<SuperblockFound> {
  const openFileCount = fs.openFileCount
  const reading = await readSuperblock(fs, kernel)
  if (reading.kind !== 'found') throw new Error(`the superblock is ${reading.kind}`)
  expect(fs.openFileCount).toBe(openFileCount)
  return reading
}

/** The number of the content that is found. */
async function numberFound(fs: FaultyFileSystem): Promise<number> {
  return ((await found(fs)).superblock.manifestLength - 128) / 8
}

async function created(first = content(1)): Promise<{ fs: FaultyFileSystem; writer: SuperblockWriter }> {
  const fs = new FaultyFileSystem()
  await fs.prepare(true)
  return { fs, writer: await SuperblockWriter.create(fs, kernel, first) }
}

const three: Superblock = { ...content(3), generation: 3 }
const four: Superblock = { ...content(4), generation: 4 }

describe('a copy', () => {
  it('is read back as it was written', () => {
    const id = fc.integer({ min: 1, max: 2 ** 53 - 1 })
    const anySuperblock: fc.Arbitrary<Superblock> = fc.record({
      databaseId: fc.uint8Array({ minLength: 16, maxLength: 16 }),
      generation: id,
      epoch: fc.maxSafeNat(),
      manifestId: id,
      manifestLength: fc.integer({ min: 17, max: 2 ** 50 - 1 }).map((words) => words * 8),
      manifestChain: fc.uint8Array({ minLength: 8, maxLength: 8 }),
      cleanClose: fc.boolean(),
    })
    fc.assert(
      fc.property(anySuperblock, fc.constantFrom(...copies), (superblock, copy) => {
        const bytes = bytesOf(superblock, copy)
        expect(bytes.byteLength).toBe(SUPERBLOCK_BYTES)
        expect(decodeSuperblock(kernel, bytes, copy)).toEqual(superblock)
        expect(decodeSuperblock(kernel, bytes, copy === 'a' ? 'b' : 'a')).toBe('it fails its checksum')
      }),
    )
  })

  /** A valid checksum over content changed by `patch`. */
  function forged(patch: (view: DataView, bytes: Uint8Array) => void): Uint8Array {
    const bytes = bytesOf(three, 'a')
    patch(viewOf(bytes), bytes)
    kernel.hashBytes(bytes.subarray(0, 120), bytes, 120)
    bytes[120] = (bytes[120] ?? 0) ^ 0x61
    return bytes
  }

  it('of an unknown version or with required flags is FORMAT_VERSION, whatever the other copy', async () => {
    for (const [at, value] of [
      [8, 2],
      [9, 1],
      [12, 1],
      [15, 1],
    ] as const) {
      const bytes = forged((_, each) => (each[at] = value))
      for (const other of [bytesOf(four, 'b'), filled(128, 7), bytesOf(three, 'b')]) {
        expect(await codeOf(() => readSuperblock(diskOf(bytes, other), kernel))).toBe('FORMAT_VERSION')
      }
    }
  })

  it.each<[string, (view: DataView, bytes: Uint8Array) => void]>([
    ['another length', (view) => view.setUint16(10, 127, true)],
    ['generation 0', (view) => putU64(view, 32, 0)],
    ['a generation of 2^53', (view) => view.setUint32(36, 2 ** 21, true)],
    ['an epoch of 2^64-1', (view, bytes) => bytes.fill(0xff, 40, 48)],
    ['manifest 0', (view) => putU64(view, 48, 0)],
    ['a manifest of a header only', (view) => putU64(view, 56, 128)],
    ['a manifest length that is no end of an edit', (view) => putU64(view, 56, 204)],
    ['a clean close of 2', (view) => putU64(view, 72, 2)],
    ['reserved bytes', (view) => view.setUint8(80, 1)],
    ['reserved bytes', (view) => view.setUint8(119, 1)],
  ])('with %s is damaged', async (_, patch) => {
    const bytes = forged(patch)
    expect(decodeSuperblock(kernel, bytes, 'a')).toBe('its content does not add up')
    const { superblock, damaged } = await found(diskOf(bytes, bytesOf(three, 'b')))
    expect([superblock, damaged?.copy]).toEqual([three, 'a'])
  })
})

describe('reading two copies', () => {
  const [a3, b3, a4, b4] = [bytesOf(three, 'a'), bytesOf(three, 'b'), bytesOf(four, 'a'), bytesOf(four, 'b')]

  it('takes the newer one', async () => {
    for (const [a, b, superblock, copy] of [
      [a3, b3, three, 'a'],
      [a4, b3, four, 'a'],
      [a3, b4, four, 'b'],
    ] as const) {
      expect(await found(diskOf(a, b))).toEqual({ kind: 'found', superblock, copy, damaged: undefined })
    }
  })

  it('reports one that was left behind', async () => {
    const old = bytesOf({ ...three, generation: 1 }, 'b')
    const { superblock, damaged } = await found(diskOf(a3, old))
    expect([superblock, damaged?.file]).toEqual([three, nameB])
  })

  it('survives every flip of every byte of either, and reports it', async () => {
    for (let offset = 0; offset < SUPERBLOCK_BYTES; offset++) {
      for (const mask of [1, 2, 4, 8, 16, 32, 64, 128, 0xff]) {
        const ofA = await found(diskOf(flipped(a3, offset, mask), b3))
        expect([ofA.superblock, ofA.copy, ofA.damaged?.file]).toEqual([three, 'b', nameA])
        const ofB = await found(diskOf(a3, flipped(b3, offset, mask)))
        expect([ofB.superblock, ofB.copy, ofB.damaged?.file]).toEqual([three, 'a', nameB])
        const ofBoth = await codeOf(() =>
          readSuperblock(diskOf(flipped(a3, offset, mask), flipped(b3, offset, mask)), kernel),
        )
        expect(ofBoth).toBe('CORRUPT')
      }
    }
  })

  it('survives every truncation of either, and every longer file', async () => {
    for (let length = 0; length < SUPERBLOCK_BYTES; length++) {
      expect((await found(diskOf(a3.slice(0, length), b3))).damaged?.copy).toBe('a')
      expect((await found(diskOf(a3, b3.slice(0, length)))).damaged?.copy).toBe('b')
    }
    for (const more of [1, 128, 4096]) {
      expect((await found(diskOf(new Uint8Array([...a3, ...filled(more, 0)]), b3))).damaged?.copy).toBe('a')
      expect((await found(diskOf(a3, new Uint8Array([...b3, ...filled(more, 9)])))).damaged?.copy).toBe('b')
    }
  })

  it('refuses swapped files, two databases, and a contradiction', async () => {
    const foreign = bytesOf({ ...three, databaseId: filled(16, 1) }, 'b')
    for (const [a, b] of [
      [b3, a3],
      [a3, foreign],
      [a4, foreign],
      [a3, bytesOf({ ...three, manifestLength: 800 }, 'b')],
      [a3, bytesOf({ ...three, cleanClose: true }, 'b')],
      [filled(128, 0), filled(128, 0)],
      [new Uint8Array(0), filled(128, 0)],
    ] as const) {
      expect(await codeOf(() => readSuperblock(diskOf(a, b), kernel))).toBe('CORRUPT')
    }
  })

  it('tells a lost copy from a creation that was cut off', async () => {
    const [empty, torn] = [new Uint8Array(0), a3.slice(0, 77)]
    const kind = async (a: Uint8Array | undefined, b: Uint8Array | undefined): Promise<string | undefined> =>
      (await codeOf(() => readSuperblock(diskOf(a, b), kernel))) ??
      (await readSuperblock(diskOf(a, b), kernel)).kind
    expect(await kind(undefined, undefined)).toBe('none')
    expect(await kind(a3, undefined)).toBe('MISSING_FILE')
    expect(await kind(undefined, b3)).toBe('MISSING_FILE')
    expect(await kind(torn, undefined)).toBe('MISSING_FILE')
    expect(await kind(undefined, torn)).toBe('MISSING_FILE')
    expect(await kind(empty, undefined)).toBe('unfinished')
    expect(await kind(undefined, empty)).toBe('unfinished')
    expect(await kind(empty, empty)).toBe('unfinished')
    expect(await kind(torn, empty)).toBe('unfinished')
    expect(await kind(filled(128, 0), empty)).toBe('unfinished')
    expect(await kind(a3, empty)).toBe('found')
    expect(await kind(empty, b3)).toBe('found')
  })

  it('passes on what the host says', async () => {
    const fs = diskOf(a3, b3)
    fs.onOperation = (_, kind) => (kind === 'read' ? { error: 'EIO' } : 'continue')
    expect(await codeOf(() => readSuperblock(fs, kernel))).toBe('IO')
    expect(fs.openFileCount).toBe(0)
  })
})

describe('SuperblockWriter', () => {
  it('writes both copies, again and again, counting generations', async () => {
    const { fs, writer } = await created()
    for (let number = 2; number < 6; number++) {
      if (number % 2 === 0) writer.write(content(number))
      else await writer.writeAsync(content(number))
      const { superblock, damaged } = await found(fs.crashImage('loseAll', mulberry32(1)))
      expect([superblock, damaged]).toEqual([{ ...content(number), generation: number }, undefined])
    }
    writer.close()
    writer.close()
    expect(fs.openFileCount).toBe(0)
  })

  it('flushes each copy before it touches the other', async () => {
    const { fs, writer } = await created()
    const start = fs.log.length
    writer.write(content(2))
    const changes = fs.log.slice(start).filter(({ kind }) => kind === 'write' || kind === 'sync')
    expect(changes.map(({ kind, name }) => `${kind} ${name}`)).toEqual([
      `write ${nameA}`,
      `sync ${nameA}`,
      `write ${nameB}`,
      `sync ${nameB}`,
    ])
  })

  it('replaces a damaged copy, a longer one too', async () => {
    for (const damage of [filled(128, 1), new Uint8Array(0), filled(500, 1)]) {
      for (const copy of copies) {
        const fs = diskOf(bytesOf(three, 'a'), bytesOf(three, 'b'))
        fs.putFile(superblockFileName(copy), damage)
        const writer = await SuperblockWriter.open(fs, kernel, await found(fs))
        const start = fs.log.length
        writer.write(content(9))
        expect(fs.log.slice(start).find(({ kind }) => kind === 'write')?.name).toBe(superblockFileName(copy))
        const { superblock, damaged } = await found(fs)
        expect([superblock, damaged]).toEqual([{ ...content(9), generation: 4 }, undefined])
      }
    }
  })

  it('creates exclusively', async () => {
    const { fs } = await created()
    const open = fs.openFileCount
    expect(await codeOf(() => SuperblockWriter.create(fs, kernel, content(1)))).toBe('EXISTS')
    fs.dropFile(nameA)
    expect(await codeOf(() => SuperblockWriter.create(fs, kernel, content(1)))).toBe('EXISTS')
    expect(fs.openFileCount).toBe(open)
  })

  it.each<[string, Fault]>([
    ['write', { error: 'EIO' }],
    ['write', { shortWrite: 20 }],
    ['sync', { syncFails: 'dropsPages' }],
    ['sync', { syncFails: 'keepsPages' }],
  ])('is poisoned by a failed %s, and stays it', async (kind, fault) => {
    for (const isAsync of [false, true]) {
      const { fs, writer } = await created()
      let isDue = true
      fs.onOperation = (_, each) => {
        if (!isDue || each !== kind) return 'continue'
        isDue = false
        return fault
      }
      const write = (): void | Promise<void> =>
        isAsync ? writer.writeAsync(content(2)) : writer.write(content(2))
      expect(await codeOf(write)).toBe('POISONED')
      const operations = fs.log.length
      expect(await codeOf(write)).toBe('POISONED')
      expect(await codeOf(() => writer.write(content(3)))).toBe('POISONED')
      expect(fs.log.length).toBe(operations)
    }
  })

  it('says what went wrong at creation, where nothing can be poisoned', async () => {
    const fs = new FaultyFileSystem({
      onOperation: (_, kind) => (kind === 'write' ? { shortWrite: 3 } : 'continue'),
    })
    expect(await codeOf(() => SuperblockWriter.create(fs, kernel, content(1)))).toBe('DISK_FULL')
    expect(fs.openFileCount).toBe(0)
    fs.onOperation = undefined
    expect((await readSuperblock(fs, kernel)).kind).toBe('unfinished')
  })
})

describe('writes that overlap', () => {
  it('end with the content that was asked for last, and each promise holds', async () => {
    for (let turns = 0; turns < 8; turns++) {
      const { fs, writer } = await created()
      const first = writer.writeAsync(content(2))
      const second = writer.writeAsync(content(3))
      for (let turn = 0; turn < turns; turn++) await Promise.resolve()
      writer.write(content(4))
      expect(await numberFound(fs.crashImage('loseAll', mulberry32(turns)))).toBe(4)
      await Promise.all([first, second])
      const { superblock, damaged } = await found(fs.crashImage('loseAll', mulberry32(turns)))
      expect([superblock.manifestLength, damaged]).toEqual([content(4).manifestLength, undefined])
      await writer.writeAsync(content(5))
      expect(await numberFound(fs)).toBe(5)
    }
  })

  it('never leave less than the newest content that was acknowledged, wherever the power goes', async () => {
    for (let turns = 0; turns < 8; turns++) {
      for (let crashAt = 0; crashAt < 30; crashAt++) {
        const { fs, writer } = await created()
        let acknowledged = 1
        const acknowledge = (number: number) => (): void => {
          acknowledged = Math.max(acknowledged, number)
        }
        const start = fs.log.length
        fs.onOperation = (index) => (index - start === crashAt ? 'crash' : 'continue')
        const pending = [
          writer.writeAsync(content(2)).then(acknowledge(2)),
          writer.writeAsync(content(3)).then(acknowledge(3)),
        ]
        for (let turn = 0; turn < turns; turn++) await Promise.resolve()
        try {
          writer.write(content(4))
          acknowledge(4)()
        } catch (error) {
          expect(error).toBeInstanceOf(VarveError)
        }
        await Promise.allSettled(pending)
        for (const policy of crashPolicies) {
          for (let seed = 0; seed < 4; seed++) {
            expect(await numberFound(fs.crashImage(policy, mulberry32(seed)))).toBeGreaterThanOrEqual(
              acknowledged,
            )
          }
        }
      }
    }
  })
})

/** Runs `action`, which the simulated machine does not survive. */
async function dies(fs: FaultyFileSystem, action: () => unknown): Promise<void> {
  try {
    await action()
  } catch (error) {
    const isCrash = error instanceof SimulatedCrash || (error as Error).cause instanceof SimulatedCrash
    if (!isCrash) throw error
  }
  expect(fs.crashed).toBe(true)
}

describe('a crash', () => {
  it('at any byte of a rewrite leaves the old content or the new one, also if the next rewrite crashes too', async () => {
    for (let copy = 0; copy < 2; copy++) {
      for (let byte = 0; byte < SUPERBLOCK_BYTES; byte += 1) {
        const { fs, writer } = await created()
        writer.write(content(2))
        let writes = 0
        fs.onOperation = (_, kind) =>
          kind === 'write' && writes++ === copy ? { shortWrite: byte, thenCrash: true } : 'continue'
        await dies(fs, () => writer.write(content(3)))
        const image = fs.crashImage('keepAll', mulberry32(0))
        expect(await numberFound(image)).toBe(copy === 0 ? 2 : 3)
        // NOTE: writing a first every time would now tear the only whole copy when copy b is the torn one.
        for (const again of [0, 64, 127]) {
          for (let secondCopy = 0; secondCopy < 2; secondCopy++) {
            const second = image.clone()
            const next = await SuperblockWriter.open(second, kernel, await found(second))
            writes = 0
            second.onOperation = (_, kind) =>
              kind === 'write' && writes++ === secondCopy
                ? { shortWrite: again, thenCrash: true }
                : 'continue'
            await dies(second, () => next.write(content(4)))
            const number = await numberFound(second.crashImage('keepAll', mulberry32(0)))
            expect(number).toBe(secondCopy === 1 ? 4 : copy === 0 ? 2 : 3)
          }
        }
      }
    }
  })

  it('at any operation of a creation leaves nothing, an unfinished superblock, or a whole one', async () => {
    const kinds = new Set<string>()
    for (let crashAt = 0; crashAt < 60; crashAt++) {
      const fs = new FaultyFileSystem()
      await fs.prepare(true)
      await fs.syncDirectory()
      const start = fs.log.length
      let isDone = false
      fs.onOperation = (index, kind) => {
        if (index - start !== crashAt) return 'continue'
        return kind === 'write' ? { shortWrite: (crashAt * 13) % SUPERBLOCK_BYTES, thenCrash: true } : 'crash'
      }
      try {
        await SuperblockWriter.create(fs, kernel, content(1))
        isDone = true
      } catch {
        expect(fs.crashed).toBe(true)
      }
      for (const policy of crashPolicies) {
        for (let seed = 0; seed < 10; seed++) {
          const image = fs.crashImage(policy, mulberry32(seed))
          const { kind } = await readSuperblock(image, kernel)
          kinds.add(kind)
          if (isDone) expect(kind).toBe('found')
          if (kind === 'found') expect(await numberFound(image)).toBe(1)
          if (kind === 'unfinished') await survivesDiscarding(image, seed)
        }
      }
      if (isDone) break
    }
    expect(kinds).toEqual(new Set(['none', 'unfinished', 'found']))
  })
})

/** Clearing away an unfinished superblock never makes it look like one that lost a copy. */
async function survivesDiscarding(unfinished: FaultyFileSystem, seed: number): Promise<void> {
  for (let crashAt = 0; crashAt < 12; crashAt++) {
    const fs = unfinished.clone()
    fs.onOperation = (index) => (index === crashAt ? 'crash' : 'continue')
    try {
      await discardUnfinishedSuperblock(fs)
      await fs.syncDirectory()
    } catch (error) {
      expect(error).toBeInstanceOf(SimulatedCrash)
    }
    for (const policy of crashPolicies) {
      const reading = await readSuperblock(fs.crashImage(policy, mulberry32(seed)), kernel)
      expect(reading.kind === 'none' || reading.kind === 'unfinished').toBe(true)
    }
    if (!fs.crashed) {
      fs.onOperation = undefined
      expect((await readSuperblock(fs, kernel)).kind).toBe('none')
      await SuperblockWriter.create(fs, kernel, content(1))
      return
    }
  }
  throw new Error('discarding never finished')
}
