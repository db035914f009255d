/** Canaries in free memory, in small: see canaries.ts. The positive controls below prove that they would be found. */
import { describe, expect, it } from 'vitest'
import { canaries } from './canaries.ts'
import { misled, type Mischief } from './controls.ts'

const seconds = Number(process.env['VARVE_TORTURE_SECONDS'] ?? 8)
const seed = Number(process.env['VARVE_SEED'] ?? 1)

it('canaries finds nothing', { timeout: (seconds + 120) * 1000 }, async () => {
  const summary = await canaries({ seed, seconds })
  console.log(JSON.stringify(summary))
  expect(summary.workloads).toBeGreaterThanOrEqual(1)
  expect(summary.plantedBytes).toBeGreaterThan(100 * 1_048_576)
})

describe('canaries notices', () => {
  const controls: [string, Mischief, RegExp][] = [
    [
      'a write that is longer than what was to be written',
      {
        write: (file, source, start, length, position) =>
          file.write(source, start, Math.min(length + 64, source.byteLength - start), position),
      },
      /memory that was free is in|behind the last frame/,
    ],
    [
      'padding of what lay there before',
      {
        write: (file, source, start, length, position, go) => {
          if (!file.name.endsWith('.man') || source[start + length - 1] !== 0) return go()
          const copy = source.slice(start, start + length)
          copy[length - 1] = 0xaa
          file.write(copy, 0, length, position)
        },
      },
      /padding at \d+ is not zero/,
    ],
  ]
  it.each(controls)('%s', async (_, mischief, message) => {
    await expect(
      canaries({ seed, seconds: 10, workloads: 5, disk: (files) => misled(files, mischief) }),
    ).rejects.toThrow(message)
  })
})
