/** A seeded bug that is not there proves nothing. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { BUGS } from './bugs.ts'
import { DAWDLING } from './dawdling.ts'
import { LEAKS } from './leaks.ts'
import { patched, SMALL_LEVELS } from './patches.ts'

describe('a patch', () => {
  it('fails loudly where its text is not there exactly once', () => {
    const patch = { file: 'f', find: 'b', replace: 'x' }
    expect(patched('abc', 'f', [patch])).toBe('axc')
    expect(() => patched('ac', 'f', [patch])).toThrow('0 times')
    expect(() => patched('abcb', 'f', [patch])).toThrow('2 times')
  })

  const seeded = [
    ...Object.entries(BUGS).map(([name, { patches }]) => [name, patches] as const),
    ...Object.entries(LEAKS),
  ]
  it.each(seeded)('of a seeded bug fits the engine: %s', (_, patches) => {
    const all = [...patches, ...SMALL_LEVELS, ...DAWDLING]
    for (const file of new Set(all.map((patch) => patch.file))) {
      const text = readFileSync(file, 'utf8')
      const own = all.filter((patch) => patch.file === file)
      expect(patched(text, file, own)).not.toBe(text)
    }
  })
})
