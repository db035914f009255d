import { describe, expect, it } from 'vitest'
import { memoryFileSystem } from '../../src/fs/memory.ts'
import type { Encoding } from '../../src/api/types.ts'
import { openBytes, openText } from './support.ts'

const numbers: Encoding<number> = {
  encode: (value) => {
    const bytes = new Uint8Array(4)
    new DataView(bytes.buffer).setUint32(0, value)
    return bytes
  },
  decode: (bytes) => new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0),
}

describe('keyspaces', () => {
  it('lists names in the order of their bytes', async () => {
    const db = await openBytes()
    for (const name of ['\uff61', '😀', 'b', 'a']) db.keyspaceSync(name)
    expect(db.keyspaces()).toEqual(['a', 'b', '\uff61', '😀'])
    await db.close()
  })
})

describe('encodings', () => {
  it('returns bytes, buffers, text, documents and what a custom encoding makes', async () => {
    const db = await openBytes()
    db.putSync('k', 'v')
    const value = db.getSync('k')
    expect(value).toBeInstanceOf(Uint8Array)
    expect(Buffer.isBuffer(value)).toBe(false)
    const buffers = db.keyspaceSync('buffers', { keyEncoding: 'buffer', valueEncoding: 'buffer' })
    buffers.putSync(Buffer.from([0, 255]), 'é')
    expect(buffers.firstSync()).toEqual([Buffer.from([0, 255]), Buffer.from('é')])
    expect(Buffer.isBuffer(buffers.firstSync()?.[0])).toBe(true)
    const documents = db.keyspaceSync('documents', { keyEncoding: 'utf8', valueEncoding: 'json' })
    documents.putSync('d', { a: [1, null, 'é'] })
    expect(documents.getSync('d')).toEqual({ a: [1, null, 'é'] })
    expect(() => documents.putSync('d', undefined)).toThrow(TypeError)
    const custom = db.keyspaceSync('custom', { keyEncoding: numbers, valueEncoding: numbers })
    for (const n of [70_000, 1, 300]) custom.putSync(n, n + 1)
    expect([...custom.rangeSync({ gt: 1 })]).toEqual([
      [300, 301],
      [70_000, 70_001],
    ])
    await db.close()
  })

  it('round trips text of every kind and order it by its UTF-8 bytes', async () => {
    const db = await openText()
    const keys = ['', 'a', 'é', 'z'.repeat(40), '😀', '\u0000', '€uro', 'ÿ'.repeat(33), 'a\uffff']
    for (const key of keys) await db.put(key, `<${key}>`)
    for (let pass = 0; pass < 2; pass++) {
      for (const key of keys) expect(db.getSync(key)).toBe(`<${key}>`)
      const sorted = [...keys].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
      expect([...db.keysSync()]).toEqual(sorted)
      await db.flush()
    }
    await db.close()
  })

  it('fixes an encoding at creation and refuses another, or none, later', async () => {
    const fileSystem = memoryFileSystem()
    const db = await openText(fileSystem)
    await db.put('k', 'v')
    db.keyspaceSync('json', { keyEncoding: 'utf8', valueEncoding: 'json' })
    db.keyspaceSync('free')
    expect(() => db.keyspaceSync('json')).toThrow(/created with 'utf8'/)
    expect(() => db.keyspaceSync('json', { keyEncoding: 'utf8', valueEncoding: 'utf8' })).toThrow(TypeError)
    await db.close()
    await expect(openBytes({}, fileSystem)).rejects.toThrow(/keyEncoding is not given/)
    await expect(openBytes({ keyEncoding: 'utf8', valueEncoding: 'json' }, fileSystem)).rejects.toThrow(
      TypeError,
    )
    const raw = await openBytes({ keyEncoding: 'bytes', valueEncoding: 'buffer' }, fileSystem)
    expect([...raw.rangeSync()]).toEqual([[new Uint8Array([107]), Buffer.from('v')]])
    raw.keyspaceSync('free', { keyEncoding: 'utf8', valueEncoding: 'json' })
    await raw.close()
    const again = await openText(fileSystem)
    expect(again.getSync('k')).toBe('v')
    await again.close()
  })

  it('a keyspace can be had under others: raw as bytes and buffers, JSON as text, and nothing else', async () => {
    const db = await openBytes({ keyEncoding: 'utf8', valueEncoding: 'json' })
    db.putSync('ä', { a: [1] })
    expect(db.withEncodings({ keyEncoding: 'utf8', valueEncoding: 'utf8' }).getSync('ä')).toBe('{"a":[1]}')
    expect(db.withEncodings({ valueEncoding: 'buffer' }).getSync('ä')).toEqual(Buffer.from('{"a":[1]}'))
    expect([...db.withEncodings({}).keysSync()]).toEqual([new TextEncoder().encode('ä')])
    expect(() =>
      db.withEncodings({ keyEncoding: { encode: () => new Uint8Array(), decode: () => 1 } }),
    ).toThrow(TypeError)
    expect(() => db.withEncodings({ encoding: 'utf8' } as object)).toThrow(/has no option 'encoding'/)
    const free = db.keyspaceSync('free').withEncodings({ keyEncoding: 'utf8', valueEncoding: 'json' })
    free.putSync('k', [true])
    expect(free.getSync('k')).toEqual([true])
    expect(db.keyspaceSync('free').getSync('k')).toEqual(new TextEncoder().encode('[true]'))
    await db.close()
  })

  it('hands out bytes that later operations never overwrite', async () => {
    const db = await openBytes()
    const results: Uint8Array[] = []
    for (let i = 0; i < 2_000; i++) {
      db.putSync('k', new Uint8Array(i % 300).fill(i & 255))
      results.push(db.getSync('k') as Uint8Array)
    }
    results.forEach((result, i) => {
      expect(result.byteLength).toBe(i % 300)
      expect(result.every((byte) => byte === (i & 255))).toBe(true)
    })
    await db.close()
  })

  it('lets an encoding use the database while it encodes and decodes', async () => {
    const db = await openText()
    db.putSync('side', 'effect')
    const nested: Encoding<string> = {
      encode: (value) => {
        db.putSync('inside', value)
        return new TextEncoder().encode(value)
      },
      decode: (bytes) => {
        expect(db.getSync('side')).toBe('effect')
        expect([...db.keysSync({ prefix: 's' })]).toEqual(['side'])
        return new TextDecoder().decode(bytes)
      },
    }
    const odd = db.keyspaceSync('odd', { keyEncoding: nested, valueEncoding: nested })
    for (const name of ['a', 'b', 'c']) odd.putSync(name, `value of ${name}`)
    await odd.put('d', 'value of d')
    expect(odd.getSync('b')).toBe('value of b')
    expect([...odd.rangeSync()]).toEqual(['a', 'b', 'c', 'd'].map((name) => [name, `value of ${name}`]))
    await db.close()
  })
})
