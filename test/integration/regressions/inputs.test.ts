import { describe, expect, it } from 'vitest'
import { openBytes } from '../../api/support.ts'

/** Says at first that it is short. */
class Lying extends Uint8Array {
  #asked = 0

  override get byteLength(): number {
    return this.#asked++ < 3 ? 4 : super.byteLength
  }
}

function isAll(bytes: Uint8Array | undefined, length: number, byte: number): boolean {
  return bytes?.byteLength === length && bytes.every((each) => each === byte)
}

describe('bytes that are not what they say', () => {
  it('are taken for what they are, and nothing beside them is written over', async () => {
    const db = await openBytes()
    db.putSync('a', 'x'.repeat(1000))
    const long = new Lying(300_000).fill(7)
    db.putSync('lying', long)
    expect(isAll(db.getSync('lying'), 300_000, 7)).toBe(true)
    expect(() => db.getSync(new Lying(300_000).fill(7))).toThrow(RangeError)
    expect(() => db.putSync(new Lying(300_000).fill(7), 'v')).toThrow(RangeError)
    const own = Object.defineProperty(new Uint8Array(200_000).fill(5), 'byteLength', { value: 100 })
    db.putSync('own', own)
    expect(isAll(db.getSync('own'), 200_000, 5)).toBe(true)
    expect(() => db.hasSync(own)).toThrow(RangeError)
    expect(db.getSync('a')).toEqual(new TextEncoder().encode('x'.repeat(1000)))
    expect((await db.verify()).problems).toEqual([])
    await db.close()
  })

  it('but a Proxy of some, which can say anything, are refused', async () => {
    const db = await openBytes()
    const proxy = new Proxy(Uint8Array.of(1), {
      get: (_, name) => (/ength$/.test(String(name)) ? 300_000 : 1),
    })
    expect(() => db.putSync('k', proxy)).toThrow(/^value must be a string or a Uint8Array/)
    expect(() => db.getSync(proxy)).toThrow(/^key must be a string or a Uint8Array/)
    expect(db.getSync('k')).toBeUndefined()
    await db.close()
  })

  it('are refused when their buffer was given away, rather than stored as nothing', async () => {
    const db = await openBytes()
    const bytes = Uint8Array.of(1, 2, 3)
    structuredClone(bytes.buffer, { transfer: [bytes.buffer] })
    expect(() => db.putSync('k', bytes)).toThrow(/^value is a Uint8Array whose buffer was detached/)
    expect(() => db.putSync(bytes, 'v')).toThrow(/^key is a Uint8Array whose buffer was detached/)
    expect(db.isEmptySync()).toBe(true)
    await db.close()
  })

  it('and a range refuses what is no signal', async () => {
    const db = await openBytes()
    expect(() => db.rangeSync({ signal: 'now' as never })).toThrow(TypeError)
    await db.close()
  })
})
