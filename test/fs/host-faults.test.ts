/** Asynchronous calls and close() of a Node host that misbehaves: node:fs is played by a script. Synchronous calls: filesystem.test.ts. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { File } from '../../src/fs/filesystem.ts'

type Step = number | string
type Done = (error: Error | null, count: number) => void

let directory = ''
let file: File
/** What the next calls do: a number cuts the call short at so many bytes, a string is its error code. Without one it works. */
let steps: Step[] = []
let calls = 0
/** Descriptors given back to the host. */
let closed: number[] = []

function hostError(code: string): Error {
  return Object.assign(new Error(`${code}: scripted`), { code })
}

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'varve-host-'))
  vi.resetModules()
  vi.doMock('node:fs', async () => {
    const real = await vi.importActual<typeof import('node:fs')>('node:fs')
    const next = (): Step | undefined => {
      calls++
      return steps.shift()
    }
    return {
      ...real,
      read: (
        descriptor: number,
        target: Uint8Array,
        start: number,
        length: number,
        position: number,
        done: Done,
      ) => {
        const step = next()
        if (typeof step === 'string') setImmediate(done, hostError(step), 0)
        else real.read(descriptor, target, start, Math.min(step ?? length, length), position, done)
      },
      fdatasync: (descriptor: number, done: (error: Error | null) => void) => {
        const step = next()
        if (typeof step === 'string') setImmediate(done, hostError(step))
        else real.fdatasync(descriptor, done)
      },
      closeSync: (descriptor: number) => {
        closed.push(descriptor)
        real.closeSync(descriptor)
        const step = next()
        if (typeof step === 'string') throw hostError(step)
      },
    }
  })
  const { nodeFileSystem } = await import('../../src/fs/node.ts')
  steps = []
  file = await nodeFileSystem(directory).create('f')
  file.write(new TextEncoder().encode('0123456789'), 0, 10, 0)
  calls = 0
  closed = []
})

afterEach(() => {
  steps = []
  file.close()
  vi.doUnmock('node:fs')
  vi.resetModules()
  rmSync(directory, { recursive: true, force: true })
})

async function readText(length: number): Promise<string> {
  const target = new Uint8Array(length)
  const count = (await file.readAsync?.(target, 0)) ?? 0
  return new TextDecoder().decode(target.subarray(0, count))
}

describe('readAsync', () => {
  it.each<[string, Step[], number]>([
    ['continues what was cut short', [1, 2, 3], 4],
    ['an interruption is no end', ['EINTR', 4, 'EINTR', 'EINTR'], 5],
  ])('%s', async (_, script, expectedCalls) => {
    steps = script
    expect(await readText(10)).toBe('0123456789')
    expect(calls).toBe(expectedCalls)
  })

  it('gives less at the end of the file only', async () => {
    steps = [3]
    expect(await readText(20)).toBe('0123456789')
  })

  it.each<[string, Step[]]>([
    ['at once', ['EIO']],
    ['after a part of it', [4, 'EIO']],
  ])('reports an error %s, and gives the descriptor back afterwards', async (_, script) => {
    steps = script
    const reading = readText(10)
    file.close()
    expect(closed).toEqual([])
    await expect(reading).rejects.toMatchObject({ code: 'IO', file: 'f', cause: { code: 'EIO' } })
    expect(closed).toHaveLength(1)
  })
})

describe('syncAsync', () => {
  it.each(['EIO', 'ENOSPC', 'EINTR'])('is tried once: %s', async (code) => {
    steps = [code]
    await expect(file.syncAsync()).rejects.toMatchObject({ file: 'f', cause: { code } })
    expect(calls).toBe(1)
  })
})

describe('close', () => {
  // The number is free after an error too; to close it again could hit a file of somebody else.
  it.each(['EIO', 'EINTR', 'ENOSPC'])('is quiet about %s, and is not done again', (code) => {
    steps = [code]
    file.close()
    file.close()
    expect(closed).toHaveLength(1)
    expect(() => file.size()).toThrow(expect.objectContaining({ code: 'CLOSED' }) as Error)
  })
})
