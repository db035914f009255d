/** What only the file system of a browser can get wrong: slots, and what a browser does to them. */
import { beforeEach, describe, expect, it } from 'vitest'
import { opfsFileSystem } from '../../src/fs/opfs.ts'
import {
  decodeSlotHeader,
  encodeSlotHeader,
  SLOT_HEADER_BYTES,
  slotFileName,
  slotIndex,
} from '../../src/fs/opfs-slot.ts'
import type { FileSystem } from '../../src/fs/filesystem.ts'
import { VarveError } from '../../src/errors.ts'
import { openBytes, expectCode } from '../api/support.ts'
import { pretendedOpfs, type PretendedOpfs } from '../support/pretended-opfs.ts'

let host: PretendedOpfs

beforeEach(() => {
  host = pretendedOpfs()
})

async function prepared(location = 'data'): Promise<FileSystem> {
  const system = opfsFileSystem(location, host)
  await system.prepare(true)
  return system
}

function slotsOf(location: string): number {
  let count = 0
  while (host.bytesOf(`${location}/${slotFileName(count)}`) !== undefined) count++
  return count
}

describe('the header of a slot', () => {
  it.each(['', 'superblock-a', '000000000000000f.sst', 'x'.repeat(64)])('says %j', (name) => {
    const header = encodeSlotHeader(name)
    const content = name === '' ? { kind: 'free' } : { kind: 'file', name }
    expect(decodeSlotHeader(header)).toEqual(content)
    const slot = new Uint8Array(SLOT_HEADER_BYTES + 10).fill(7)
    slot.set(header)
    expect(decodeSlotHeader(slot)).toEqual(content)
  })

  it('is that of a free slot where its creation was cut off', () => {
    const header = encodeSlotHeader('f')
    for (let length = 0; length < header.byteLength; length++)
      expect(decodeSlotHeader(header.subarray(0, length))).toEqual({ kind: 'free' })
    expect(decodeSlotHeader(new Uint8Array(SLOT_HEADER_BYTES))).toEqual({ kind: 'free' })
  })

  it('is damaged with any bit of it', () => {
    const header = encodeSlotHeader('000000000000000f.wal')
    for (let bit = 0; bit < 8 * header.byteLength; bit++) {
      const copy = header.slice()
      copy[bit >> 3] = (copy[bit >> 3] as number) ^ (1 << (bit & 7))
      expect(decodeSlotHeader(copy).kind).toBe('damaged')
    }
  })

  it('has a file name of its own', () => {
    expect([slotFileName(0), slotFileName(0xffffffff)]).toEqual(['slot-00000000', 'slot-ffffffff'])
    expect(slotIndex('slot-0000001f')).toBe(31)
    for (const name of ['slot-1f', 'slot-0000001F', 'slot-0000001f0', 'slot', 'superblock-a'])
      expect(slotIndex(name)).toBeUndefined()
  })
})

describe('the file system of a browser', () => {
  it('keeps databases in directories of directories that exist', async () => {
    await expectCode('NOT_FOUND', () => prepared('a/b'))
    await (await prepared('a')).lock()
    expect(await opfsFileSystem('a/b', host).prepare(true)).toBe(true)
    await expectCode('NOT_FOUND', () => opfsFileSystem('a/c', host).prepare(false))
    for (const path of ['', '/', '..', 'a/../b']) expect(() => opfsFileSystem(path, host)).toThrow(TypeError)
  })

  it('names a file durably by the flush of its slot, and uses the slot again', async () => {
    const system = await prepared()
    await system.lock()
    const slots = slotsOf('data')
    const file = system.createSync?.('a')
    file?.write(new Uint8Array(100).fill(1), 0, 100, 0)
    host.calls.length = 0
    system.syncDirectorySync?.()
    system.syncDirectorySync?.()
    expect(host.calls).toEqual(['flush slot-00000000'])
    file?.close()
    for (let round = 0; round < 50; round++) {
      system.removeSync?.('a')
      const next = system.createSync?.('a')
      expect(next?.size()).toBe(0)
      next?.close()
    }
    expect(slotsOf('data')).toBe(slots)
  })

  it('gives the space of a removed file back once nobody has it open', async () => {
    const system = await prepared()
    await system.lock()
    const file = await system.create('a')
    file.write(new Uint8Array(1000), 0, 1000, 0)
    await system.remove('a')
    expect(host.bytesOf('data/slot-00000000')?.byteLength).toBe(SLOT_HEADER_BYTES + 1000)
    file.close()
    expect(host.bytesOf('data/slot-00000000')?.byteLength).toBe(SLOT_HEADER_BYTES)
  })

  it('does not take a slot back that the owner before it had', async () => {
    const system = await prepared()
    const owner = await system.lock()
    const file = await system.create('a')
    await system.remove('a')
    await owner.release()
    await system.lock()
    file.close()
    const slots = slotsOf('data')
    for (let i = 0; i < slots; i++) system.createSync?.(`${i}`).close()
    // NOTE: that slot's handle is closed.
    await expectCode('DISK_FULL', () => system.createSync?.('more'))
  })

  it('puts what every open needs into slots that were there before', async () => {
    const system = await prepared()
    await (await system.lock()).release()
    const again = await prepared()
    await again.lock()
    const old = slotsOf('data')
    for (let i = 0; i < old - 1; i++) (await again.create(`${i}.sst`)).close()
    const journal = await again.create('0000000000000001.wal')
    journal.write(new Uint8Array(9), 0, 9, 0)
    // NOTE: more were made meanwhile, and tables may have those.
    expect(slotsOf('data')).toBeGreaterThan(old)
    const sizes = Array.from({ length: old }, (_, i) => host.bytesOf(`data/${slotFileName(i)}`)?.byteLength)
    expect(sizes.filter((size) => size === SLOT_HEADER_BYTES + 9)).toHaveLength(1)
  })

  it('says so when one turn takes more files than were prepared, and has more in the next', async () => {
    const system = await prepared()
    await system.lock()
    const taken = slotsOf('data')
    for (let i = 0; i < taken; i++) system.createSync?.(`${i}.sst`).close()
    const error = await expectCode('DISK_FULL', () => system.createSync?.('more.sst'))
    expect(error.message).toContain('await something')
    await new Promise((resolve) => setTimeout(resolve))
    for (let i = 0; i < taken; i++) system.createSync?.(`more-${i}.sst`).close()
  })

  it.each([
    ['a header that is damaged', (bytes: Uint8Array) => (bytes[20] = 99)],
    ['two slots of one name', (bytes: Uint8Array) => bytes.set(encodeSlotHeader('b'))],
  ])('refuses %s', async (_, damage) => {
    const system = await prepared()
    const lock = await system.lock()
    for (const name of ['a', 'b']) (await system.create(name)).close()
    await lock.release()
    damage(host.bytesOf('data/slot-00000000') as Uint8Array)
    const again = await prepared()
    const error = await expectCode('CORRUPT', () => again.lock())
    expect(error.file).toMatch(/^slot-0000000[01]$/)
    // It let go of all.
    await expectCode('CORRUPT', () => again.lock())
  })

  it('has one owner, whoever asks', async () => {
    const owner = await (await prepared()).lock()
    const other = await prepared()
    await expectCode('LOCKED', () => other.lock())
    expect(await other.list()).toContain('slot-00000000')
    await owner.release()
    await (await other.lock()).release()
  })

  it('takes the Web Lock of its path for as long', async () => {
    const held = new Set<string>()
    const locks = {
      async request(name: string, _: object, step: (lock: object | null) => Promise<void>) {
        if (held.has(name)) return step(null)
        held.add(name)
        await step({ name })
        held.delete(name)
      },
    } as unknown as LockManager
    const system = opfsFileSystem('data', { ...host, root: () => host.root(), locks })
    await system.prepare(true)
    const owner = await system.lock()
    expect([...held]).toEqual(['varve:data'])
    await expectCode('LOCKED', () => system.lock())
    await owner.release()
    await new Promise((resolve) => setTimeout(resolve))
    expect(held.size).toBe(0)
  })

  it.each([
    ['fewer', (bytes: number) => bytes - 1],
    ['none', () => 0],
    ['more', (bytes: number) => bytes + 1],
  ])('does not believe a write that says it wrote %s', async (_, written) => {
    const system = await prepared()
    await system.lock()
    const file = await system.create('f')
    host.written = written
    await expectCode('DISK_FULL', () => file.write(new Uint8Array(8), 0, 8, 0))
    await expectCode('DISK_FULL', () => system.createSync?.('g'))
  })
})

describe('a database in the file system of a browser', () => {
  it('is there again, and gone once it is destroyed', async () => {
    const first = await openBytes(
      { keyEncoding: 'utf8', valueEncoding: 'utf8' },
      opfsFileSystem('data', host),
    )
    for (let i = 0; i < 1000; i++) first.putSync(`key ${i}`, `value ${i}`)
    await first.compact()
    first.putSync('key 1', 'newer')
    await expectCode('LOCKED', () => openBytes({}, opfsFileSystem('data', host)))
    await first.close()
    const again = await openBytes(
      { keyEncoding: 'utf8', valueEncoding: 'utf8' },
      opfsFileSystem('data', host),
    )
    expect([again.getSync('key 1'), again.getSync('key 999'), again.countSync()]).toEqual([
      'newer',
      'value 999',
      1000,
    ])
    expect((await again.verify()).problems).toEqual([])
    await again.close()
  })

  it('loses nothing acknowledged when the quota is used up', async () => {
    const db = await openBytes({ keyEncoding: 'utf8', valueEncoding: 'bytes' }, opfsFileSystem('data', host))
    host.quotaBytes = 3_000_000
    const value = new Uint8Array(10_000).map((_, i) => i * 7)
    let acknowledged = 0
    let refused: unknown
    try {
      for (; acknowledged < 10_000; acknowledged++) await db.put(`${acknowledged}`, value)
    } catch (error) {
      refused = error
    }
    expect(refused).toBeInstanceOf(VarveError)
    expect((refused as VarveError).code).toBe('DISK_FULL')
    expect(acknowledged).toBeGreaterThan(50)
    host.quotaBytes = Infinity
    await db.close().catch(() => {})
    const again = await openBytes({ keyEncoding: 'utf8' }, opfsFileSystem('data', host))
    for (let i = 0; i < acknowledged; i++) expect(again.getSync(`${i}`)?.byteLength).toBe(10_000)
    await again.close()
  })
})
