import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { open } from '../../src/index.ts'

const OPENS = 1000
const THREAD_ENDS_MS = 5000
const options = { keyEncoding: 'utf8', valueEncoding: 'utf8', memoryLimit: 16 << 20 } as const

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'varve-open-'))
})
afterEach(() => {
  rmSync(directory, { recursive: true, force: true })
})

function descriptors(): number {
  return readdirSync('/proc/self/fd').length
}

/**
 * What stays in use when the garbage is gone.
 *
 * NOTE: resident memory as it is tells how far V8 has let its young generation grow (35 MiB within the first hundreds
 * of opens, whatever they do), and not what an open leaves behind.
 */
function memoryInUse(): { heapBytes: number; nativeBytes: number } {
  collectGarbage()
  collectGarbage()
  const { rss, heapTotal, heapUsed } = process.memoryUsage()
  return { heapBytes: heapUsed, nativeBytes: rss - heapTotal }
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] as number
}

/** Name, length and time of the last change of every file. */
function listing(): string[] {
  return readdirSync(join(directory, 'db')).map((name) => {
    const { size, mtimeMs } = statSync(join(directory, 'db', name))
    return `${name} ${size} ${mtimeMs}`
  })
}

describe('opening and closing', () => {
  it(`${OPENS} times: no more descriptors, memory or time per open`, { timeout: 120_000 }, async () => {
    const path = join(directory, 'db')
    const times: number[] = []
    let descriptorsBefore = 0
    let memoryBefore = { heapBytes: 0, nativeBytes: 0 }
    for (let i = 0; i < OPENS; i++) {
      const start = performance.now()
      const db = await open(path, options)
      times.push(performance.now() - start)
      // Some write (and then flush, at times), some only read.
      if (i % 3 === 0) db.putSync(`key${i % 100}`, `value${i}`)
      if (i % 50 === 0) db.flushSync()
      expect(db.getSync('key0')).toBe(`value${Math.floor(i / 300) * 300}`)
      // NOTE: a thread for the background comes and goes before anything is measured: what the host keeps of the first one it keeps once.
      if (i === 50) await db.compact()
      await db.close()
      if (i === 100) {
        descriptorsBefore = descriptors()
        memoryBefore = memoryInUse()
      }
    }
    // NOTE: on a busy machine the thread that a slow open asked for may still be on its way when everything is closed; it ends by itself.
    const deadline = performance.now() + THREAD_ENDS_MS
    while (descriptors() > descriptorsBefore && performance.now() < deadline) await sleep(20)
    expect(descriptors()).toBeLessThanOrEqual(descriptorsBefore)
    const memory = memoryInUse()
    expect(memory.heapBytes - memoryBefore.heapBytes).toBeLessThan(4 << 20)
    expect(memory.nativeBytes - memoryBefore.nativeBytes).toBeLessThan(32 << 20)
    // NOTE: machines are shared: a slow phase is no growth, twice the time of the first hundreds is.
    expect(median(times.slice(-300))).toBeLessThan(2 * median(times.slice(100, 400)) + 1)
  })

  it('of a cleanly closed database changes no file but the lock and owner', async () => {
    const path = join(directory, 'db')
    const first = await open(path, options)
    for (let i = 0; i < 1000; i++) first.putSync(`key${i}`, 'v'.repeat(100))
    await first.flush()
    first.putSync('last', 'in the journal')
    await first.close()
    const isData = (line: string): boolean => !/^(LOCK|owner)/i.test(line)
    const before = listing().filter(isData)
    const db = await open(path, options)
    expect(db.getSync('last')).toBe('in the journal')
    expect([...db.keysSync()].length).toBe(1001)
    await db.close()
    expect(listing().filter(isData)).toEqual(before)
  })
})
