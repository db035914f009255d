/** The programs about damaged files notice an engine that makes a mistake with them. */
import { describe, expect, it } from 'vitest'
import { BUGS, runWithBug } from './bugs.ts'

describe('it is noticed that', () => {
  it.each(Object.entries(BUGS))('%s', { timeout: 120_000 }, async (name, { says }) => {
    expect(await runWithBug(name)).toMatch(says)
  })
})
