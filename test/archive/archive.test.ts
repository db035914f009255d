import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openOn } from '../../src/api/open.ts'
import { exportDatabase } from '../../src/archive/export.ts'
import { importDatabase } from '../../src/archive/import.ts'
import { VarveError } from '../../src/errors.ts'
import { memoryFileSystem } from '../../src/fs/memory.ts'
import { nodeFileSystem } from '../../src/fs/node.ts'

const OPTIONS = { memoryLimit: 32 << 20, keyEncoding: 'utf8', valueEncoding: 'utf8', threads: 0 } as const

async function bytesOf(stream: ReadableStream<Uint8Array>): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await new Response(stream as ReadableStream<Uint8Array<ArrayBuffer>>).arrayBuffer())
}

/** A stream in pieces of that many bytes. */
function streamOf(bytes: Uint8Array, pieceBytes: number): ReadableStream<Uint8Array> {
  let at = 0
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.byteLength) return controller.close()
      controller.enqueue(bytes.slice(at, at + pieceBytes))
      at += pieceBytes
    },
  })
}

async function codeOf(step: () => Promise<unknown>): Promise<string> {
  try {
    await step()
  } catch (error) {
    return error instanceof VarveError ? error.code : String(error)
  }
  return 'nothing was thrown'
}

let directory: string

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'varve-archive-'))
})

afterEach(() => rmSync(directory, { recursive: true, force: true }))

/** A database of two tables and a journal. */
async function fill(location: string): Promise<void> {
  const db = await openOn(nodeFileSystem(location), OPTIONS)
  for (let i = 0; i < 3000; i++) db.putSync(`key ${i}`, `value ${i} `.repeat(5))
  await db.flush()
  for (let i = 0; i < 10; i++) db.putSync(`key ${i}`, 'newer')
  await db.close()
}

describe('the export of a database', () => {
  it('is what tar unpacks to the same files, byte for byte', async () => {
    const source = join(directory, 'source')
    await fill(source)
    const archive = join(directory, 'export.tar')
    writeFileSync(archive, await bytesOf(await exportDatabase(nodeFileSystem(source))))
    const target = join(directory, 'target')
    execFileSync('mkdir', [target])
    execFileSync('tar', ['-xf', archive, '-C', target])
    const names = readdirSync(source).filter((name) => !/^LOCK|^owner$/.test(name))
    expect(names.length).toBeGreaterThan(3)
    expect(readdirSync(target).sort()).toEqual(names.sort())
    for (const name of names)
      expect(readFileSync(join(target, name)).equals(readFileSync(join(source, name)))).toBe(true)
  })

  it.each([1000, 512, 7, 1 << 20])('is imported in pieces of %i bytes', async (pieceBytes) => {
    const source = join(directory, 'source')
    await fill(source)
    const archive = await bytesOf(await exportDatabase(nodeFileSystem(source)))
    const target = memoryFileSystem()
    await importDatabase(target, streamOf(archive, pieceBytes))
    const db = await openOn(target, OPTIONS)
    expect(db.countSync()).toBe(3000)
    expect(db.getSync('key 3')).toBe('newer')
    expect((await db.verify()).problems).toEqual([])
    await db.close()
    expect(await codeOf(() => importDatabase(target, streamOf(archive, 1000)))).toBe('EXISTS')
  })

  it('takes what tar makes of a directory', async () => {
    const source = join(directory, 'source')
    await fill(source)
    const archive = join(directory, 'by-tar.tar')
    execFileSync('tar', ['-cf', archive, '-C', directory, 'source'])
    const target = memoryFileSystem()
    await importDatabase(target, streamOf(readFileSync(archive), 4096))
    const db = await openOn(target, OPTIONS)
    expect(db.countSync()).toBe(3000)
    await db.close()
  })

  it('locks the database until it is read or cancelled', async () => {
    const source = join(directory, 'source')
    await fill(source)
    const stream = await exportDatabase(nodeFileSystem(source))
    expect(await codeOf(() => openOn(nodeFileSystem(source), OPTIONS))).toBe('LOCKED')
    await stream.cancel()
    const db = await openOn(nodeFileSystem(source), OPTIONS)
    expect(await codeOf(() => exportDatabase(nodeFileSystem(source)))).toBe('LOCKED')
    await db.close()
    expect(await codeOf(() => exportDatabase(memoryFileSystem()))).toBe('NOT_FOUND')
  })

  it('leaves nothing of what was cut off or is none', async () => {
    const source = join(directory, 'source')
    await fill(source)
    const archive = await bytesOf(await exportDatabase(nodeFileSystem(source)))
    const damages: Uint8Array[] = [
      archive.slice(0, archive.byteLength / 2),
      archive.slice(0, 700),
      new Uint8Array(0),
      new Uint8Array(1024),
      new TextEncoder().encode('no archive '.repeat(100)),
    ]
    for (const at of [0, 130, 150, 300]) {
      const flipped = archive.slice()
      flipped[at] = (flipped[at] as number) ^ 0x11
      damages.push(flipped)
    }
    for (const damaged of damages) {
      const target = memoryFileSystem()
      expect(await codeOf(() => importDatabase(target, streamOf(damaged, 1000)))).toBe('CORRUPT')
      expect((await target.list()).filter((name) => !/^LOCK|^owner$/.test(name))).toEqual([])
    }
  })
})
