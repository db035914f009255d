/** The checker of registers, on histories short enough to see what is right. */
import { describe, expect, it } from 'vitest'
import { mulberry32, pick } from '../../support/random.ts'
import { notLinearizable } from './linearizable.ts'
import { DELETE, READ, WRITE, type Operation } from './register-history.ts'

function call(kind: number, value: number, invoked: number, returned: number): Operation {
  return { kind, register: 0, value, invoked, returned }
}
const write = (value: number, invoked: number, returned: number): Operation =>
  call(WRITE, value, invoked, returned)
const read = (value: number, invoked: number, returned: number): Operation =>
  call(READ, value, invoked, returned)
const remove = (invoked: number, returned: number): Operation => call(DELETE, 0, invoked, returned)

describe('a register', () => {
  it.each<[string, Operation[]]>([
    ['one write, then a read', [write(1, 1, 2), read(1, 3, 4)]],
    ['a read beside a write', [write(1, 1, 2), write(2, 3, 6), read(1, 4, 5), read(2, 4, 5)]],
    ['two writes side by side', [write(1, 1, 4), write(2, 2, 3), read(1, 5, 6), read(1, 7, 8)]],
    ['nothing before the first write ends', [write(1, 2, 5), read(0, 1, 3)]],
    ['nothing after a delete', [write(1, 1, 2), remove(3, 4), read(0, 5, 6)]],
    ['a value beside a delete', [write(1, 1, 2), remove(3, 6), read(0, 4, 5), read(1, 4, 5)]],
  ])('may have %s', (_, operations) => {
    expect(notLinearizable(operations)).toBeUndefined()
  })

  it.each<[string, Operation[]]>([
    ['a value that was overwritten before', [write(1, 1, 2), write(2, 3, 4), read(1, 5, 6)]],
    ['an old value after a new one was read', [write(1, 1, 2), write(2, 3, 9), read(2, 4, 5), read(1, 6, 7)]],
    ['a value before it is written', [read(1, 1, 2), write(1, 3, 4)]],
    ['a value that nobody wrote', [write(1, 1, 2), read(2, 3, 4)]],
    ['a value that was deleted before', [write(1, 1, 2), remove(3, 4), read(1, 5, 6)]],
    ['nothing after a write', [write(1, 1, 2), read(0, 3, 4)]],
    ['nothing after a write that follows a delete', [remove(1, 2), write(1, 3, 4), read(0, 5, 6)]],
    [
      'two values in one order here, in the other there',
      [write(1, 1, 9), write(2, 1, 9), read(1, 2, 3), read(2, 4, 5), read(1, 6, 7)],
    ],
  ])('does not have %s', (_, operations) => {
    expect(notLinearizable(operations)).toBeDefined()
  })

  it('has any history made of calls that take effect at once, and not the one with a late read', () => {
    for (let seed = 1; seed <= 200; seed++) {
      const random = mulberry32(seed)
      const operations: Operation[] = []
      let value = 0
      for (let moment = 100; moment < 4000; moment += 10) {
        const invoked = moment - pick(random, 90)
        const returned = moment + 1 + pick(random, 90)
        const way = random()
        if (way < 0.3) operations.push(write((value = moment), invoked, returned))
        else if (way < 0.35) {
          value = 0
          operations.push(remove(invoked, returned))
        } else operations.push(read(value, invoked, returned))
      }
      expect(notLinearizable(operations)).toBeUndefined()
      const [first] = operations.filter(({ kind }) => kind === WRITE)
      expect(notLinearizable([...operations, read(first?.value ?? 0, 5000, 5001)])).toBeDefined()
    }
  })
})
