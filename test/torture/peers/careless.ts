/** Engines that are wrong on purpose, so that it is seen that peer-parity would notice: one file with all the entries and a hash of them. */
import { createHash } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Engine, OpenEngine } from './engine.ts'

const HASH_BYTES = 32

/** What they do when the hash is not right. */
const WAYS: Readonly<Record<string, () => void>> = {
  serves: () => {},
  throws: () => {
    throw new Error('the hash is wrong')
  },
  dies: () => process.kill(process.pid, 'SIGKILL'),
  hangs: () => {
    for (;;);
  },
}

export function careless(way: string): Engine {
  return {
    kindOf: (file) => (file === 'data' ? 'data' : undefined),

    async open(directory): Promise<OpenEngine> {
      await mkdir(directory, { recursive: true })
      const file = join(directory, 'data')
      const contents = new Map<string, Buffer>()
      const bytes = await readFile(file).catch(() => undefined)
      if (bytes !== undefined) {
        const entries = bytes.subarray(0, -HASH_BYTES)
        if (!hashOf(entries).equals(bytes.subarray(-HASH_BYTES))) WAYS[way]?.()
        for (const [key, value] of parse(entries)) contents.set(key.toString('latin1'), value)
      }
      const flush = async (): Promise<void> => {
        const all = Buffer.concat(
          [...contents].map(([key, value]) => format(Buffer.from(key, 'latin1'), value)),
        )
        await writeFile(file, Buffer.concat([all, hashOf(all)]))
      }
      return {
        notice: undefined,
        isCut: false,
        async write(writes) {
          for (const { key, value } of writes) {
            if (value === undefined) contents.delete(key.toString('latin1'))
            else contents.set(key.toString('latin1'), value)
          }
          await flush()
        },
        flush,
        get: async (key) => contents.get(key.toString('latin1')),
        async *range(reverse) {
          const sorted = [...contents].sort(([a], [b]) => (a < b ? -1 : 1))
          if (reverse) sorted.reverse()
          for (const [key, value] of sorted) yield [Buffer.from(key, 'latin1'), value]
        },
        close: async () => {},
      }
    },
  }
}

function format(key: Buffer, value: Buffer): Buffer {
  return Buffer.concat([Buffer.of(key.length, value.length), key, value])
}

function* parse(bytes: Buffer): Generator<readonly [Buffer, Buffer]> {
  for (let at = 0; at + 2 <= bytes.length;) {
    const middle = at + 2 + (bytes[at] ?? 0)
    const end = middle + (bytes[at + 1] ?? 0)
    yield [bytes.subarray(at + 2, middle), bytes.subarray(middle, end)]
    at = end
  }
}

function hashOf(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest()
}
