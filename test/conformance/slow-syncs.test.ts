import { describe, expect, it } from 'vitest'
import type { File, FileSystem } from '../../src/fs/filesystem.ts'
import { memoryFileSystem } from '../../src/fs/memory.ts'
import { isSettled, openText } from '../api/support.ts'
import { turn } from '../integration/regressions/support.ts'
import { expectExactly } from './states.ts'

/** A disk on which every asynchronous sync of a file takes until `gate.wait` resolves. */
function slowDisk(gate: { wait: Promise<void> }): FileSystem {
  const disk = memoryFileSystem()
  const slow = (file: File): File => {
    const sync = file.syncAsync.bind(file)
    file.syncAsync = async (): Promise<void> => {
      await gate.wait
      await sync()
    }
    return file
  }
  const open = disk.open.bind(disk)
  const create = disk.create.bind(disk)
  const createSync = disk.createSync?.bind(disk)
  disk.open = async (name, writable) => slow(await open(name, writable))
  disk.create = async (name) => slow(await create(name))
  if (createSync !== undefined) disk.createSync = (name) => slow(createSync(name))
  return disk
}

function closedGate(): { wait: Promise<void>; open: () => void } {
  let open = (): void => undefined
  const wait = new Promise<void>((resolve) => (open = resolve))
  return { wait, open }
}

describe('while a sync takes its time', () => {
  it('only the writes that asked for it wait: reads, snapshots and other writes go on', async () => {
    const gate = { wait: Promise.resolve() }
    const db = await openText(slowDisk(gate))
    db.putSync('a', '1')
    const closed = closedGate()
    gate.wait = closed.wait
    const durable = db.put('b', '1', { durability: 'sync' })
    await turn()
    expect(await isSettled(durable)).toBe(false)
    db.putSync('c', '1')
    await db.put('d', '1')
    await db.delete('a')
    expect(await db.get('d')).toBe('1')
    expect(await db.range({ gte: 'c' }).toArray()).toEqual([
      ['c', '1'],
      ['d', '1'],
    ])
    const snapshot = db.snapshot()
    db.putSync('e', '1')
    expectExactly(
      snapshot,
      ['b', 'c', 'd'].map((key) => [key, '1']),
      ['a', 'e'],
    )
    expect(await isSettled(durable)).toBe(false)
    closed.open()
    await durable
    expectExactly(
      db,
      ['b', 'c', 'd', 'e'].map((key) => [key, '1']),
      ['a'],
    )
    await db.close()
  })

  it('of a flush, reads and writes go on', async () => {
    const gate = { wait: Promise.resolve() }
    const db = await openText(slowDisk(gate))
    db.putSync('a', '1')
    db.putSync('b', '1')
    const closed = closedGate()
    gate.wait = closed.wait
    const flush = db.flush()
    for (let i = 0; i < 20; i++) {
      await turn()
      await db.put('b', `${i}`)
      expect(await db.getMany(['a', 'b'])).toEqual(['1', `${i}`])
    }
    expect(await isSettled(flush)).toBe(false)
    closed.open()
    await flush
    expectExactly(db, [
      ['a', '1'],
      ['b', '19'],
    ])
    await db.close()
  })
})
