import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { VarveError } from '../../src/errors.ts'
import { FieldReader, FieldWriter } from '../../src/version/fields.ts'
import { keyOf } from './support.ts'

const source = { file: 'f', offset: 100 }

function reader(...bytes: number[]): FieldReader {
  return new FieldReader(Uint8Array.from(bytes), source, false)
}

function failure(action: () => unknown): VarveError {
  try {
    action()
  } catch (error) {
    if (error instanceof VarveError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

describe('round trips', () => {
  it('of numbers and bytes', () => {
    const field = fc.record({
      tag: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
      numbers: fc.array(fc.maxSafeNat(), { maxLength: 5 }),
      tail: fc.uint8Array({ maxLength: 300 }),
    })
    fc.assert(
      fc.property(fc.array(field, { maxLength: 20 }), (fields) => {
        const writer = new FieldWriter()
        for (const { tag, numbers, tail } of fields) writer.numbers(tag, numbers, tail)
        const fieldReader = new FieldReader(writer.finish(), source, false)
        for (const { tag, numbers, tail } of fields) {
          expect(fieldReader.next()).toBe(true)
          expect(fieldReader.tag).toBe(tag)
          expect(numbers.map(() => fieldReader.number())).toEqual(numbers)
          expect(fieldReader.rest(300)).toEqual(tail)
        }
        expect(fieldReader.next()).toBe(false)
      }),
    )
  })

  it('of well-formed text, a leading byte order mark included', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'grapheme' }), fc.constant('\ufeffx')), (text) => {
        const writer = new FieldWriter()
        writer.text(1, text)
        const fieldReader = new FieldReader(writer.finish(), source, false)
        fieldReader.next()
        expect(fieldReader.text(10_000)).toBe(text)
      }),
    )
  })

  it('of records', () => {
    const record = new FieldWriter()
    record.number(1, 5)
    record.bytes(4, keyOf('abc'))
    const writer = new FieldWriter()
    writer.record(9, record)
    const outer = new FieldReader(writer.finish(), source, false)
    outer.next()
    const inner = outer.record()
    expect([inner.next(), inner.tag, inner.number()]).toEqual([true, 1, 5])
    expect([inner.next(), inner.tag, inner.rest(3)]).toEqual([true, 4, keyOf('abc')])
    expect(inner.next()).toBe(false)
    inner.demand(1, 4)
    expect(failure(() => inner.demand(1, 3)).message).toContain('field 3 is missing')
    expect(outer.next()).toBe(false)
  })
})

describe('the writer refuses', () => {
  it.each([-1, 1.5, 2 ** 53, NaN])('the number %s', (value) => {
    expect(() => new FieldWriter().number(1, value)).toThrow(RangeError)
  })

  it('lone surrogates and tag 0', () => {
    expect(() => new FieldWriter().text(1, 'a\ud800')).toThrow(RangeError)
    expect(() => new FieldWriter().number(0, 1)).toThrow(RangeError)
  })
})

describe('the reader refuses', () => {
  const numberField = (...bytes: number[]): (() => unknown) => {
    const fields = reader(1, bytes.length, ...bytes)
    fields.next()
    return () => fields.number()
  }

  it.each([
    ['a number that is cut off', numberField(0x80), 'cut off'],
    ['no number', numberField(), 'cut off'],
    ['a number not in its shortest form', numberField(0x81, 0x00), 'shortest'],
    ['2^53', numberField(0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10), 'too large'],
    ['a number of 10 bytes', numberField(...Array<number>(9).fill(0xff), 1), 'too large'],
    ['a tag above 32 bits', () => reader(0x80, 0x80, 0x80, 0x80, 0x10, 0).next(), 'too large'],
    ['a length above 32 bits', () => reader(1, 0x80, 0x80, 0x80, 0x80, 0x10).next(), 'too large'],
    ['tag 0', () => reader(0, 0).next(), 'tag 0'],
    ['a field longer than what holds it', () => reader(1, 2, 0).next(), 'longer than what holds it'],
    ['a length of 4 GiB', () => reader(1, 0xff, 0xff, 0xff, 0xff, 0x0f).next(), 'longer than what holds it'],
  ])('%s', (_, action, message) => {
    const error = failure(action)
    expect(error.code).toBe('CORRUPT')
    expect(error.message).toContain(message)
    expect(error.file).toBe('f')
    expect(error.offset).toBeGreaterThanOrEqual(100)
    expect(error.offset).toBeLessThanOrEqual(112)
  })

  it('the largest number takes 8 bytes', () => {
    expect(numberField(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f)()).toBe(Number.MAX_SAFE_INTEGER)
  })

  it('bytes left over in a field, and reading beyond one', () => {
    const fields = reader(1, 2, 7, 7, 3, 1, 0)
    fields.next()
    fields.number()
    expect(failure(() => fields.next()).message).toContain('longer than its content')
    expect(failure(() => fields.bytes(2)).message).toContain('too short')
    expect(failure(() => fields.rest(0)).message).toContain('longer than 0')
  })

  it('malformed UTF-8', () => {
    const fields = reader(1, 2, 0xc0, 0x80)
    fields.next()
    expect(failure(() => fields.text(255)).message).toContain('UTF-8')
  })

  it('tags of a record that repeat or go down', () => {
    for (const tags of [
      [3, 3],
      [4, 2],
    ] as const) {
      const fields = new FieldReader(Uint8Array.of(tags[0], 0, tags[1], 0), source, true)
      fields.next()
      expect(failure(() => fields.next()).message).toContain('out of order')
    }
  })

  it('unknown odd tags, while even ones are skipped', () => {
    const fields = reader(2, 3, 1, 2, 3, 5, 1, 0)
    fields.next()
    fields.unknown()
    fields.next()
    const error = failure(() => fields.unknown())
    expect([error.code, error.file]).toEqual(['FORMAT_VERSION', 'f'])
  })

  it('anything else that no writer made, without crashing', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), fc.boolean(), (bytes, isRecord) => {
        try {
          const fields = new FieldReader(bytes, source, isRecord)
          while (fields.next()) {
            if (fields.tag % 3 === 0) fields.rest(64)
            else if (fields.tag % 3 === 1) fields.number()
            else fields.unknown()
          }
        } catch (error) {
          expect(error).toBeInstanceOf(VarveError)
        }
      }),
      { numRuns: 2000 },
    )
  })
})
