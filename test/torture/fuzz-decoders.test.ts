/** T14 in small: see fuzz-decoders.ts. More of it: node test/torture/run.mjs fuzz-decoders --seconds 600. The positive controls below prove that it would notice. */
import { beforeAll, describe, expect, it } from 'vitest'
import { Arena } from './fuzz/guarded-kernel.ts'
import type { Decoder } from './fuzz/decoder.ts'
import { fuzzDecoders } from './fuzz-decoders.ts'

const seconds = Number(process.env['VARVE_TORTURE_SECONDS'] ?? 20)
const seed = Number(process.env['VARVE_SEED'] ?? 1)

it('fuzz-decoders finds nothing', { timeout: (seconds + 120) * 1000 }, async () => {
  const summary = await fuzzDecoders({ seed, seconds })
  console.log(JSON.stringify(summary))
  expect(summary.decoders).toBe(19)
  expect(summary.fewest).toBeGreaterThanOrEqual(2000)
  expect(summary.accepted).toBeGreaterThan(5000)
  expect(summary.outcomes).toBeGreaterThan(300)
})

describe('fuzz-decoders notices, in the kernel,', () => {
  let patched: Arena
  beforeAll(async () => {
    patched = await Arena.create('guarded', [
      {
        file: 'assembly/table/block-walk.ts',
        from: 'if (at != entry - payload || shared != 0)',
        to: 'if (shared != 0)',
      },
      {
        file: 'assembly/table/lz4-decompress.ts',
        from: 'offset == 0 || offset > out - to ||',
        to: 'offset == 0 ||',
      },
      { file: 'assembly/memtable/apply.ts', from: 'valueLength > body - keyLength ||', to: '' },
      { file: 'assembly/key/varint.ts', from: 'if (shift == 28 && byte > 15) return 0', to: '' },
      {
        file: 'assembly/table/extent-list.ts',
        from: 'if (read == 0) return false',
        to: 'if (read == 0) return true',
      },
    ])
  })

  it.each([
    ['data-block', 'a restart that leads into an entry'],
    ['lz4', 'a match that begins before the output'],
    ['batch', 'a value longer than what is there'],
    ['varint', 'a number above 32 bits'],
    ['extent-list', 'a list cut off'],
  ])('in %s %s', async (name) => {
    await expect(fuzzDecoders({ seed, seconds: 10, case: name, arena: patched })).rejects.toThrow(
      `${name}, guarded: `,
    )
  })

  it('any access beside the input', () => {
    const at = patched.place(Uint8Array.of(1, 2, 3), 100)
    expect(patched.x.loadU8(at + 2)).toBe(3)
    for (const beside of [at - 1, at + 3, patched.output - 1, patched.output + 100])
      expect(() => patched.x.loadU8(beside)).toThrow(WebAssembly.RuntimeError)
    expect(() => patched.x.writeVarint32(at, 5)).toThrow(WebAssembly.RuntimeError)
    // A whole 16-byte word, and a copy.
    expect(() => patched.x.commonPrefix(at - 16, at - 32, 16)).toThrow(WebAssembly.RuntimeError)
  })
})

describe('fuzz-decoders notices, in JavaScript,', () => {
  const notices = (run: (bytes: Uint8Array, outcome: string) => void, message: RegExp): Promise<void> =>
    expect(
      fuzzDecoders({
        seed,
        seconds: 12,
        case: 'superblock',
        tamper: (decoder): Decoder => ({
          ...decoder,
          run(bytes, mutator) {
            const outcome = decoder.run(bytes, mutator)
            run(bytes, outcome)
            return outcome
          },
        }),
      }),
    ).rejects.toThrow(message)

  it('an error without a type', () =>
    notices((_, outcome) => {
      if (outcome.includes('required flag')) throw new TypeError('undefined is not a function')
    }, /TypeError/))

  it('an allocation by a length that nobody checked', () =>
    notices((bytes) => {
      if (bytes.byteLength >= 16)
        new Uint8Array(new DataView(bytes.buffer, bytes.byteOffset).getUint32(12, true))
    }, /bytes are allocated/))

  it('a decoder that takes too long', () =>
    notices((_, outcome) => {
      const end = performance.now() + 60
      while (outcome.includes('required flag') && performance.now() < end);
    }, /takes 50 ms/))
})
