/** T18: see limits.ts. More of it: node test/torture/run.mjs limits --seconds 600. The positive controls below prove that it would notice. */
import { afterEach, describe, expect, it, vi } from 'vitest'
import { RecordBuffer } from '../../src/engine/record.ts'
import { original } from '../support/original.ts'
import { limits } from './limits.ts'

const seconds = Number(process.env['VARVE_TORTURE_SECONDS'] ?? 10)
const seed = Number(process.env['VARVE_SEED'] ?? 1)

it('limits finds nothing', { timeout: (seconds + 120) * 1000 }, async () => {
  const summary = await limits({ seed, seconds })
  console.log(JSON.stringify(summary))
  expect(summary.cases).toBeGreaterThanOrEqual(1200)
  expect(summary.refused).toBeGreaterThan(600)
  expect(summary.stored).toBeGreaterThan(800)
  expect(summary.processes).toBe(5)
})

describe('limits notices', () => {
  afterEach(() => {
    vi.restoreAllMocks()
  })

  const add = original(RecordBuffer.prototype, 'add')
  const controls: [string, typeof add, RegExp][] = [
    [
      'a limit that is off by one',
      function (this: RecordBuffer, type, keyspaceId, key, value, valueLimitBytes) {
        add.call(this, type, keyspaceId, key, value, valueLimitBytes + 1)
      },
      /1048577 B is accepted/,
    ],
    [
      'a length that is cut to 16 bits',
      function (this: RecordBuffer, type, keyspaceId, key, value, valueLimitBytes) {
        const cut = typeof value === 'string' ? value : value.subarray(0, value.byteLength & 0xffff)
        add.call(this, type, keyspaceId, key, cut, valueLimitBytes)
      },
      /is another|is accepted/,
    ],
    [
      'an error without a type',
      function (this: RecordBuffer, type, keyspaceId, key, value, valueLimitBytes) {
        if (value.length > valueLimitBytes) throw new Error('too long')
        add.call(this, type, keyspaceId, key, value, valueLimitBytes)
      },
      /is refused by Error/,
    ],
    [
      'an entry that is stored though it is refused',
      function (this: RecordBuffer, type, keyspaceId, key, value, valueLimitBytes) {
        add.call(this, type, keyspaceId, key, value, Infinity)
        if (value.length > valueLimitBytes) throw new RangeError('the value is too long')
      },
      /entries instead of|is another/,
    ],
  ]
  it.each(controls)('%s', async (_, seeded, message) => {
    vi.spyOn(RecordBuffer.prototype, 'add').mockImplementation(seeded)
    await expect(limits({ seed, seconds: 0 })).rejects.toThrow(message)
  })
})
