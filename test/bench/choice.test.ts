/** How `npm run bench` chooses lines and engines. */
import { afterEach, describe, expect, it, vi } from 'vitest'
import { chosenBy } from '../../bench/choice.mjs'

const KNOWN = ['readrandom', 'readrandom, views', 'reopen']

describe('chosenBy', () => {
  afterEach(() => vi.unstubAllEnvs())

  it('splits at semicolons, for names have commas', () => {
    vi.stubEnv('CHOSEN', 'readrandom, views;reopen')
    expect(chosenBy('CHOSEN', KNOWN)).toEqual(['readrandom, views', 'reopen'])
  })

  it('takes all, or what it is told, where nothing is chosen', () => {
    vi.stubEnv('CHOSEN', undefined)
    expect(chosenBy('CHOSEN', KNOWN)).toEqual(KNOWN)
    expect(chosenBy('CHOSEN', KNOWN, ['reopen'])).toEqual(['reopen'])
  })

  it('says what it does not know', () => {
    vi.stubEnv('CHOSEN', 'reopen,readrandom')
    expect(() => chosenBy('CHOSEN', KNOWN)).toThrow('there is no reopen,readrandom')
  })
})
