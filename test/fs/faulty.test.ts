/** The simulated disk does what it says: it is the ground all crash tests stand on. */
import { beforeEach, describe, expect, it } from 'vitest'
import { VarveError } from '../../src/errors.ts'
import type { File } from '../../src/fs/filesystem.ts'
import { SimulatedCrash, FaultyFileSystem, crashPolicies } from '../support/faulty.ts'
import type { CrashPolicy, Fault, OperationKind } from '../support/faulty.ts'
import { mulberry32, pick } from '../support/random.ts'

const powerLosses = crashPolicies.filter((policy) => policy !== 'keepAll')
const blockBytes = 4096

let system: FaultyFileSystem
let file: File

beforeEach(async () => {
  system = new FaultyFileSystem()
  await system.prepare(true)
  file = await system.create('f')
  await system.syncDirectory()
})

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

function append(target: File, content: string | Uint8Array): void {
  const bytes = typeof content === 'string' ? bytesOf(content) : content
  target.write(bytes, 0, bytes.byteLength, target.size())
}

function textOf(of: FaultyFileSystem, name = 'f'): string | undefined {
  const bytes = of.snapshotFiles().get(name)
  return bytes && new TextDecoder('latin1').decode(bytes)
}

/** All different contents of a file in images with many seeds. */
function outcomes(policy: CrashPolicy, name = 'f', count = 400): Set<string | undefined> {
  const found = new Set<string | undefined>()
  for (let seed = 0; seed < count; seed++)
    found.add(textOf(system.crashImage(policy, mulberry32(seed)), name))
  return found
}

/** Lets `fault` hit the next operation of that kind, once. */
function inject(kind: OperationKind, fault: Fault): void {
  let armed = true
  system.onOperation = (_, actual) => {
    if (!armed || actual !== kind) return 'continue'
    armed = false
    return fault
  }
}

function thrownBy(action: () => unknown): unknown {
  try {
    action()
  } catch (error) {
    return error
  }
  throw new Error('nothing was thrown')
}

describe('killed process (keepAll)', () => {
  it('keeps everything programs saw, under the same boot', () => {
    append(file, 'unsynced')
    system.createSync('g')
    const image = system.crashImage('keepAll', mulberry32(1))
    expect(image.snapshotFiles()).toEqual(system.snapshotFiles())
    expect(image.bootId).toEqual(system.bootId)
  })

  it('still loses it to a later power loss', () => {
    append(file, 'synced')
    file.sync()
    append(file, ' unsynced')
    const image = system.crashImage('keepAll', mulberry32(1))
    expect(textOf(image)).toBe('synced unsynced')
    expect(textOf(image.crashImage('loseAll', mulberry32(1)))).toBe('synced')
  })

  it('lets a sync after the restart make it durable', async () => {
    append(file, 'unsynced')
    const image = system.crashImage('keepAll', mulberry32(1))
    const again = await image.open('f', true)
    again.sync()
    expect(textOf(image.crashImage('loseAll', mulberry32(1)))).toBe('unsynced')
    expect(textOf(system.crashImage('loseAll', mulberry32(1)))).toBe('')
  })
})

describe('every power loss', () => {
  it.each(powerLosses)('%s keeps what was synced', (policy) => {
    append(file, 'content')
    file.write(bytesOf('C'), 0, 1, 0)
    file.sync()
    expect([...outcomes(policy)]).toEqual(['Content'])
  })

  it.each(powerLosses)('%s is another boot, and another again', (policy) => {
    const image = system.crashImage(policy, mulberry32(1))
    const second = image.crashImage(policy, mulberry32(1))
    expect(image.bootId).not.toEqual(system.bootId)
    expect(second.bootId).not.toEqual(image.bootId)
    expect(second.bootId).not.toEqual(system.bootId)
  })

  it.each(powerLosses)('%s depends on the random source only', (policy) => {
    append(file, new Uint8Array(20_000).fill(7))
    file.write(new Uint8Array(9000).fill(9), 0, 9000, 500)
    file.truncate(15_000)
    system.createSync('g')
    system.removeSync('f')
    for (let seed = 0; seed < 20; seed++) {
      const image = system.crashImage(policy, mulberry32(seed)).snapshotFiles()
      expect(system.crashImage(policy, mulberry32(seed)).snapshotFiles()).toEqual(image)
    }
  })

  it.each(crashPolicies)('%s leaves the original and its open files alone', (policy) => {
    append(file, 'synced')
    file.sync()
    append(file, ' more')
    const image = system.crashImage(policy, mulberry32(3))
    if (image.snapshotFiles().has('f')) image.putFile('f', bytesOf('changed'))
    append(file, ' and more')
    expect(textOf(system)).toBe('synced more and more')
    expect(textOf(image)).not.toContain('and more')
    file.sync()
    expect(textOf(system.crashImage('loseAll', mulberry32(1)))).toBe('synced more and more')
  })

  it.each(powerLosses)('%s may forget a name that was not synced, though its content was', (policy) => {
    const fresh = system.createSync('fresh')
    append(fresh, 'content')
    fresh.sync()
    const found = outcomes(policy, 'fresh')
    expect(found).toContain(undefined)
    expect(found.has('content')).toBe(policy !== 'loseAll')
    system.syncDirectorySync()
    expect([...outcomes(policy, 'fresh')]).toEqual(['content'])
  })

  it.each(powerLosses)('%s may bring back a removed file', (policy) => {
    append(file, 'content')
    file.sync()
    system.removeSync('f')
    const found = outcomes(policy)
    expect(found).toContain('content')
    expect(found.has(undefined)).toBe(policy !== 'loseAll')
    system.syncDirectorySync()
    expect([...outcomes(policy)]).toEqual([undefined])
  })

  it('keeps names apart from content: a name may survive empty', () => {
    const fresh = system.createSync('fresh')
    append(fresh, 'content')
    expect(outcomes('prefixPerFile', 'fresh')).toEqual(new Set([undefined, '', 'content']))
  })

  it('may confuse the two files a name stood for', () => {
    append(file, 'old')
    file.sync()
    system.removeSync('f')
    const next = system.createSync('f')
    append(next, 'new')
    next.sync()
    expect(outcomes('prefixPerFile')).toEqual(new Set(['old', undefined, 'new']))
    expect(outcomes('randomBlocks')).toEqual(new Set(['old', undefined, 'new']))
    expect(outcomes('loseAll')).toEqual(new Set(['old']))
  })
})

describe('policies', () => {
  it('loseAll reverts writes and truncations', () => {
    append(file, 'synced')
    file.sync()
    file.write(bytesOf('S'), 0, 1, 0)
    file.truncate(3)
    append(file, 'xyz')
    expect(textOf(system)).toBe('Synxyz')
    expect([...outcomes('loseAll')]).toEqual(['synced'])
  })

  it('prefixPerFile gives every prefix of the effects, of each file on its own', () => {
    const other = system.createSync('g')
    system.syncDirectorySync()
    append(file, 'a')
    append(other, '1')
    append(file, 'b')
    file.truncate(1)
    append(file, 'c')
    append(other, '2')
    expect(outcomes('prefixPerFile')).toEqual(new Set(['', 'a', 'ab', 'ac']))
    const pairs = new Set<string>()
    for (let seed = 0; seed < 400; seed++) {
      const image = system.crashImage('prefixPerFile', mulberry32(seed))
      pairs.add(`${textOf(image, 'f')}/${textOf(image, 'g')}`)
    }
    expect(pairs.size).toBe(4 * 3)
  })

  it('tornSector cuts the last surviving write at a sector, or anywhere inside one', () => {
    append(file, new Uint8Array(100).fill(0x61))
    file.sync()
    append(file, new Uint8Array(2000).fill(0x62))
    const lengths = new Set<number>()
    for (const text of outcomes('tornSector')) {
      expect(text).toMatch(/^a{100}b+\0*$/)
      expect(text?.length === 2100 || !text?.includes('\0')).toBe(true)
      lengths.add((text ?? '').replaceAll('\0', '').length)
    }
    expect(lengths).toEqual(new Set([512, 1024, 1536, 2048]))
  })

  it('tornSector cuts short writes at any byte', () => {
    append(file, 'abcd')
    expect(outcomes('tornSector')).toEqual(
      new Set(['', 'a', 'ab', 'abc', '\0\0\0\0', 'a\0\0\0', 'ab\0\0', 'abc\0']),
    )
  })

  it('tornSector leaves old bytes behind the cut when it overwrote', () => {
    append(file, 'ABCD')
    file.sync()
    file.write(bytesOf('abcd'), 0, 4, 0)
    expect(outcomes('tornSector')).toEqual(new Set(['ABCD', 'aBCD', 'abCD', 'abcD']))
  })

  it('randomBlocks keeps blocks independently, with zeros in the gaps', () => {
    append(file, new Uint8Array(3 * blockBytes).fill(0x78))
    const patterns = new Set<string>()
    for (const text of outcomes('randomBlocks')) {
      expect([0, 3 * blockBytes]).toContain(text?.length)
      const blocks = [0, 1, 2].map((block) => text?.slice(block * blockBytes, (block + 1) * blockBytes) ?? '')
      for (const block of blocks) expect(new Set(block).size).toBeLessThanOrEqual(1)
      patterns.add(blocks.map((block) => (block === '' ? '-' : block[0] === 'x' ? 'x' : '0')).join(''))
    }
    expect(patterns).toEqual(new Set(['---', '000', 'x00', '0x0', '00x', 'xx0', 'x0x', '0xx', 'xxx']))
  })

  it('randomBlocks may keep a block of any age', () => {
    append(file, '1')
    for (const version of ['2', '3', '4']) file.write(bytesOf(version), 0, 1, 0)
    expect(outcomes('randomBlocks')).toEqual(new Set(['', '\0', '1', '2', '3', '4']))
  })

  it('randomBlocks may cut a truncation in two', () => {
    append(file, new Uint8Array(2 * blockBytes).fill(0x78))
    file.sync()
    file.truncate(10)
    file.truncate(2 * blockBytes)
    const found = outcomes('randomBlocks')
    const cut = 'x'.repeat(10) + '\0'.repeat(blockBytes - 10)
    const [kept, empty] = ['x'.repeat(blockBytes), '\0'.repeat(blockBytes)]
    for (const text of [kept + kept, cut + kept, kept + empty, cut + empty, 'x'.repeat(10)]) {
      expect(found.has(text)).toBe(true)
    }
    expect(found.size).toBe(5)
  })

  it('garbage extends the file by random bytes, never beyond what was written', () => {
    append(file, 'synced')
    file.sync()
    append(file, '-kept-')
    append(file, new Uint8Array(1000))
    const texts = [...outcomes('garbage')]
    for (const text of texts) {
      expect(text).toMatch(/^synced/)
      expect(text?.length).toBeGreaterThan(6)
      expect(text?.length).toBeLessThanOrEqual(6 + 6 + 1000)
    }
    expect(texts.some((text) => text?.startsWith('synced-kept-'))).toBe(true)
    expect(texts.some((text) => !text?.startsWith('synced-kept-'))).toBe(true)
    const long = texts.find((text) => (text?.length ?? 0) > 500)
    expect(new Set(long).size).toBeGreaterThan(100)
  })

  it('garbage spares a file whose lost effects would not have made it longer', () => {
    append(file, 'synced')
    file.sync()
    file.write(bytesOf('S'), 0, 1, 0)
    expect([...outcomes('garbage')]).toEqual(['synced'])
  })
})

describe('sync', () => {
  it('covers its own file only', () => {
    const other = system.createSync('g')
    system.syncDirectorySync()
    append(file, 'f')
    append(other, 'g')
    other.sync()
    const image = system.crashImage('loseAll', mulberry32(1))
    expect([textOf(image, 'f'), textOf(image, 'g')]).toEqual(['', 'g'])
  })

  it('works through a file opened for reading, and after the name is gone', async () => {
    append(file, 'content')
    const reader = await system.open('f', false)
    system.removeSync('f')
    reader.sync()
    expect(textOf(system.crashImage('loseAll', mulberry32(1)))).toBe('content')
  })

  it('of the directory makes names durable, not content', () => {
    append(system.createSync('g'), 'content')
    system.syncDirectorySync()
    expect(textOf(system.crashImage('loseAll', mulberry32(1)), 'g')).toBe('')
  })

  it('asynchronous: is two operations and covers what was written before it', async () => {
    append(file, 'before')
    const kinds: OperationKind[] = []
    system.onOperation = (_, kind) => (kinds.push(kind), 'continue')
    const flushed = file.syncAsync()
    file.write(bytesOf(' meanwhile'), 0, 10, 6)
    expect(textOf(system.crashImage('loseAll', mulberry32(1)))).toBe('')
    await flushed
    expect(kinds).toEqual(['syncStart', 'write', 'sync'])
    expect(textOf(system.crashImage('loseAll', mulberry32(1)))).toBe('before')
    file.sync()
    expect(textOf(system.crashImage('loseAll', mulberry32(1)))).toBe('before meanwhile')
  })

  it('asynchronous: does not undo or repeat what an overlapping sync did', async () => {
    append(file, 'one ')
    const flushed = file.syncAsync()
    append(file, 'two ')
    file.sync()
    append(file, 'three')
    await flushed
    expect(textOf(system.crashImage('loseAll', mulberry32(1)))).toBe('one two ')
  })
})

describe('faults', () => {
  it.each([
    ['EIO', 'IO'],
    ['EMFILE', 'IO'],
    ['ENOSPC', 'DISK_FULL'],
  ] as const)('%s is reported as %s and nothing happens', async (error, code) => {
    append(file, 'content')
    const actions: [OperationKind, () => unknown][] = [
      ['create', () => system.create('g')],
      ['open', () => system.open('f', true)],
      ['remove', () => system.remove('f')],
      ['list', () => system.list()],
      ['lock', () => system.lock()],
      ['prepare', () => system.prepare(true)],
      ['syncDirectory', () => system.syncDirectory()],
      ['write', () => file.write(bytesOf('x'), 0, 1, 0)],
      ['truncate', () => file.truncate(0)],
      ['size', () => file.size()],
      ['read', () => file.read(new Uint8Array(1), 0)],
      ['sync', () => file.sync()],
      ['syncStart', () => file.syncAsync()],
    ]
    const before = system.snapshotFiles()
    for (const [kind, action] of actions) {
      inject(kind, { error })
      await expect((async () => action())(), kind).rejects.toMatchObject({
        name: 'VarveError',
        code,
        cause: { code: error },
      })
    }
    expect(system.snapshotFiles()).toEqual(before)
    expect(system.locked).toBe(false)
    expect(system.openFileCount).toBe(1)
    expect(textOf(system.crashImage('loseAll', mulberry32(1)))).toBe('')
    file.sync()
    expect(textOf(system.crashImage('loseAll', mulberry32(1)))).toBe('content')
  })

  it('a short write leaves a prefix', () => {
    inject('write', { shortWrite: 3 })
    expect(thrownBy(() => file.write(bytesOf('abcdef'), 0, 6, 0))).toMatchObject({
      code: 'DISK_FULL',
      file: 'f',
    })
    expect(textOf(system)).toBe('abc')
    inject('write', { shortWrite: 100 })
    expect(thrownBy(() => file.write(bytesOf('abcdef'), 0, 6, 3))).toBeInstanceOf(VarveError)
    expect(textOf(system)).toBe('abcabcde')
    append(file, '!')
    expect(textOf(system)).toBe('abcabcde!')
  })

  it('a kill in the middle of a write leaves a prefix too', () => {
    inject('write', { shortWrite: 3, thenCrash: true })
    expect(thrownBy(() => file.write(bytesOf('abcdef'), 0, 6, 0))).toBeInstanceOf(SimulatedCrash)
    expect(system.crashed).toBe(true)
    expect(textOf(system.crashImage('keepAll', mulberry32(1)))).toBe('abc')
  })

  it('a failed sync that keeps the pages can be made good by the next', () => {
    append(file, 'content')
    inject('sync', { syncFails: 'keepsPages' })
    expect(thrownBy(() => file.sync())).toMatchObject({ code: 'IO' })
    expect(textOf(system.crashImage('loseAll', mulberry32(1)))).toBe('')
    file.sync()
    expect(textOf(system.crashImage('loseAll', mulberry32(1)))).toBe('content')
  })

  it('a failed sync that drops the pages loses them at the next power cut, whatever follows', () => {
    append(file, 'safe ')
    file.sync()
    append(file, 'lost ')
    inject('sync', { syncFails: 'dropsPages' })
    expect(thrownBy(() => file.sync())).toMatchObject({ code: 'IO' })
    append(file, 'later')
    file.sync()
    expect(textOf(system)).toBe('safe lost later')
    for (const policy of powerLosses) expect([...outcomes(policy)]).toEqual(['safe \0\0\0\0\0later'])
    // The process alone dying takes nothing out of the page cache.
    const image = system.crashImage('keepAll', mulberry32(1))
    expect(textOf(image)).toBe('safe lost later')
    expect(textOf(image.crashImage('loseAll', mulberry32(1)))).toBe('safe \0\0\0\0\0later')
  })

  it('an asynchronous sync fails likewise, for what it covered', async () => {
    append(file, 'lost ')
    const flushed = file.syncAsync()
    append(file, 'later')
    inject('sync', { syncFails: 'dropsPages' })
    await expect(flushed).rejects.toMatchObject({ code: 'IO' })
    file.sync()
    expect(textOf(system.crashImage('loseAll', mulberry32(1)))).toBe('\0\0\0\0\0later')
  })

  it('a failed sync of the directory keeps or drops names', () => {
    system.createSync('kept')
    inject('syncDirectory', { syncFails: 'keepsPages' })
    expect(thrownBy(() => system.syncDirectorySync())).toMatchObject({ code: 'IO' })
    system.syncDirectorySync()
    system.createSync('dropped')
    inject('syncDirectory', { syncFails: 'dropsPages' })
    expect(thrownBy(() => system.syncDirectorySync())).toMatchObject({ code: 'IO' })
    system.syncDirectorySync()
    expect([...system.snapshotFiles().keys()]).toEqual(['f', 'kept', 'dropped'])
    expect([...system.crashImage('loseAll', mulberry32(1)).snapshotFiles().keys()]).toEqual(['f', 'kept'])
  })

  it('a short read gives a prefix, once', () => {
    append(file, 'abcd')
    inject('read', { shortRead: 3 })
    const target = new Uint8Array(9)
    expect(file.read(target, 0)).toBe(3)
    expect(file.read(target, 0)).toBe(file.size())
  })

  it('a fault that cannot hit an operation is a mistake of the test', () => {
    inject('read', { shortWrite: 1 })
    expect(thrownBy(() => file.read(new Uint8Array(1), 0))).not.toBeInstanceOf(VarveError)
    inject('write', { syncFails: 'dropsPages' })
    expect(thrownBy(() => append(file, 'x'))).not.toBeInstanceOf(VarveError)
  })

  it('after a crash everything fails, but closing and releasing are quiet', async () => {
    const owner = await system.lock()
    append(file, 'content')
    inject('write', 'crash')
    expect(thrownBy(() => file.write(bytesOf('x'), 0, 1, 0))).toBeInstanceOf(SimulatedCrash)
    const operations = system.log.length
    for (const action of [
      () => system.list(),
      () => system.create('g'),
      () => system.open('f', false),
      () => system.remove('f'),
      () => system.lock(),
      () => system.prepare(false),
      () => system.syncDirectory(),
      () => file.size(),
      () => file.read(new Uint8Array(1), 0),
      () => file.write(bytesOf('x'), 0, 1, 0),
      () => file.truncate(0),
      () => file.sync(),
      () => file.syncAsync(),
    ]) {
      await expect((async () => action())()).rejects.toBeInstanceOf(SimulatedCrash)
    }
    expect(system.log).toHaveLength(operations)
    file.close()
    await owner.release()
    expect(textOf(system)).toBe('content')
  })

  it('a crash overtakes an asynchronous sync', async () => {
    append(file, 'content')
    const flushed = file.syncAsync()
    inject('write', 'crash')
    expect(thrownBy(() => file.write(bytesOf('x'), 0, 1, 0))).toBeInstanceOf(SimulatedCrash)
    await expect(flushed).rejects.toBeInstanceOf(SimulatedCrash)
    expect(textOf(system.crashImage('loseAll', mulberry32(1)))).toBe('')
  })

  it('locks die in every crash', async () => {
    await system.lock()
    expect(system.locked).toBe(true)
    for (const policy of crashPolicies) {
      const image = system.crashImage(policy, mulberry32(1))
      expect(image.locked).toBe(false)
      await image.lock()
    }
    await expect(system.lock()).rejects.toMatchObject({ code: 'LOCKED' })
  })
})

describe('hook and log', () => {
  it('count every operation, and call before it has an effect', async () => {
    const seen: [number, OperationKind, string, string | undefined][] = []
    const fresh = new FaultyFileSystem({
      onOperation: (index, kind, name) => {
        seen.push([index, kind, name, textOf(fresh.crashImage('keepAll', mulberry32(1)), 'g')])
        return 'continue'
      },
    })
    await fresh.prepare(true)
    const target = await fresh.create('g')
    target.write(bytesOf('_ab_'), 1, 2, 0)
    target.truncate(1)
    target.sync()
    await fresh.syncDirectory()
    target.read(new Uint8Array(9), 1)
    target.close()
    await fresh.remove('g')
    expect(seen).toEqual([
      [0, 'prepare', '', undefined],
      [1, 'create', 'g', undefined],
      [2, 'write', 'g', ''],
      [3, 'truncate', 'g', 'ab'],
      [4, 'sync', 'g', 'a'],
      [5, 'syncDirectory', '', 'a'],
      [6, 'read', 'g', 'a'],
      [7, 'remove', 'g', 'a'],
    ])
    expect(
      fresh.log.map(({ kind, name, inode, offset, length }) => [kind, name, inode, offset, length]),
    ).toEqual([
      ['prepare', '', 0, 0, 0],
      ['create', 'g', 1, 0, 0],
      ['write', 'g', 1, 0, 2],
      ['truncate', 'g', 1, 1, 0],
      ['sync', 'g', 1, 0, 0],
      ['syncDirectory', '', 0, 0, 0],
      ['read', 'g', 1, 1, 0],
      ['remove', 'g', 1, 0, 0],
    ])
  })

  it('record the fault', () => {
    inject('write', { error: 'EIO' })
    expect(thrownBy(() => append(file, 'x'))).toBeInstanceOf(VarveError)
    expect(system.log.at(-1)).toMatchObject({ kind: 'write', fault: { error: 'EIO' } })
  })

  it('count open files', async () => {
    const again = await system.open('f', false)
    expect(system.openFileCount).toBe(2)
    again.close()
    again.close()
    file.close()
    expect(system.openFileCount).toBe(0)
  })
})

describe('copies and accidents', () => {
  it('starts from given files, all durable, without touching the bytes given', async () => {
    const given = new Map([['f', bytesOf('golden')]])
    const first = FaultyFileSystem.fromFiles(given)
    const second = FaultyFileSystem.fromFiles(given, { location: 'elsewhere', bootNumber: 7 })
    expect(await first.prepare(false)).toBe(false)
    expect(second.location).toBe('elsewhere')
    expect(second.bootId).not.toEqual(first.bootId)
    first.flipBits('f', 0, 0x20)
    ;(await second.open('f', true)).write(bytesOf('GOLD'), 0, 4, 0)
    expect([textOf(first), textOf(second)]).toEqual(['Golden', 'GOLDen'])
    expect(textOf(second.crashImage('loseAll', mulberry32(1)))).toBe('golden')
    expect(new TextDecoder().decode(given.get('f'))).toBe('golden')
  })

  it('clones the disk with what is pending', () => {
    append(file, 'content')
    system.createSync('g')
    const copy = system.clone()
    append(file, ' more')
    expect(copy.bootId).toEqual(system.bootId)
    expect(copy.log).toEqual([])
    expect(textOf(copy)).toBe('content')
    expect([...copy.crashImage('loseAll', mulberry32(1)).snapshotFiles()]).toEqual([['f', new Uint8Array(0)]])
  })

  it('damages files for good, also under whoever has them open', async () => {
    append(file, 'content')
    system.flipBits('f', 0)
    expect(textOf(system)).toBe('bontent')
    system.resizeFile('f', 4)
    const bytes = new Uint8Array(8)
    expect(file.read(bytes, 0)).toBe(4)
    expect(textOf(system.crashImage('loseAll', mulberry32(1)))).toBe('bont')
    system.resizeFile('f', 6)
    expect(textOf(system)).toBe('bont\0\0')
    system.putFile('f', bytesOf('other'))
    system.putFile('g', bytesOf('new'))
    expect(textOf(system.crashImage('loseAll', mulberry32(1)), 'g')).toBe('new')
    system.dropFile('f')
    expect([...system.crashImage('loseAll', mulberry32(1)).snapshotFiles().keys()]).toEqual(['g'])
    expect(await system.list()).toEqual(['g'])
    expect(() => system.flipBits('g', 3)).toThrow(RangeError)
    expect(() => system.flipBits('f', 0)).toThrow(VarveError)
    expect(() => system.dropFile('f')).toThrow(VarveError)
  })

  it('snapshots are copies', () => {
    append(file, 'content')
    system.snapshotFiles().get('f')?.fill(0)
    expect(textOf(system)).toBe('content')
  })
})

describe('model', () => {
  /** A slow, obvious model: a crash prefix of one file is some prefix of its effects since the last sync. */
  it('prefixPerFile always equals a prefix of the history', () => {
    for (let seed = 0; seed < 60; seed++) {
      const random = mulberry32(seed)
      const disk = FaultyFileSystem.fromFiles(new Map([['f', new Uint8Array(0)]]))
      let possible = ['']
      let current: number[] = []
      const target = disk.createSync('t')
      disk.syncDirectorySync()
      for (let step = 0; step < 40; step++) {
        const choice = pick(random, 10)
        if (choice === 0) {
          target.sync()
          possible = []
        } else if (choice < 3) {
          const size = pick(random, current.length + 5)
          target.truncate(size)
          current = Array.from({ length: size }, (_, index) => current[index] ?? 0)
        } else {
          const offset = pick(random, current.length + 5)
          const data = Uint8Array.from({ length: 1 + pick(random, 8) }, () => 1 + pick(random, 100))
          target.write(data, 0, data.byteLength, offset)
          const size = Math.max(current.length, offset + data.byteLength)
          const previous = current
          current = Array.from({ length: size }, (_, index) => data[index - offset] ?? previous[index] ?? 0)
        }
        possible.push(String.fromCharCode(...current))
        expect(textOf(disk, 't')).toBe(possible.at(-1))
        expect(textOf(disk.crashImage('loseAll', random), 't')).toBe(possible[0])
        expect(possible).toContain(textOf(disk.crashImage('prefixPerFile', random), 't'))
      }
    }
  })

  it('makes ten thousand images of a small database in a few seconds', { timeout: 30_000 }, () => {
    const random = mulberry32(1)
    const disk = new FaultyFileSystem()
    const files = Array.from({ length: 8 }, (_, index) => disk.createSync(`f${index}`))
    for (const each of files) append(each, new Uint8Array(8 * 1024).fill(1))
    disk.syncDirectorySync()
    const record = new Uint8Array(100).fill(2)
    const start = performance.now()
    let images = 0
    for (let step = 0; step < 2000; step++) {
      const target = files[pick(random, files.length)] as File
      append(target, record)
      if (step % 7 === 0) target.sync()
      for (const policy of crashPolicies.slice(1)) images += disk.crashImage(policy, random).locked ? 0 : 1
    }
    expect(images).toBe(10_000)
    expect(performance.now() - start).toBeLessThan(20_000)
  })
})

describe('mulberry32', () => {
  it('repeats itself and stays in range', () => {
    const numbers = Array.from({ length: 1000 }, mulberry32(42))
    expect(Array.from({ length: 1000 }, mulberry32(42))).toEqual(numbers)
    expect(numbers.every((number) => number >= 0 && number < 1)).toBe(true)
    const mean = numbers.reduce((sum, number) => sum + number, 0) / numbers.length
    expect(mean).toBeGreaterThan(0.45)
    expect(mean).toBeLessThan(0.55)
  })
})
