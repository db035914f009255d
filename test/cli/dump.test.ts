import { randomBytes, randomInt } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { contentOf, failure, library, output, temporaryPath, varve } from './support.ts'

/** Bytes of many kinds: nothing, text, text that almost is, and noise. */
function anyBytes(maximum: number): Buffer {
  const bytes = randomBytes(randomInt(maximum + 1))
  switch (randomInt(4)) {
    case 0:
      return Buffer.from(bytes.toString('latin1'), 'utf8').subarray(0, maximum)
    case 1:
      return Buffer.from('\uFEFF"\\\u0000\u2028🌍\uD7FF\r\n\t' + bytes.toString('hex')).subarray(0, maximum)
    default:
      return bytes
  }
}

async function randomDatabase(): Promise<string> {
  const data = await temporaryPath('original')
  const database = await library.open(data)
  const users = await database.keyspace('users', { keyEncoding: 'utf8', valueEncoding: 'json' })
  const blobs = await database.keyspace('blöbs\n"', {})
  const empty = await database.keyspace('empty', { keyEncoding: 'utf8' })
  expect(await empty.first()).toBeUndefined()
  const batch = database.batch()
  for (let entry = 0; entry < 1500; entry++) {
    batch.put(anyBytes(entry % 100 === 0 ? 3000 : 24), anyBytes(entry % 50 === 0 ? 50_000 : 80))
    batch.put(blobs, anyBytes(16), anyBytes(16))
    batch.put(users, `user ${entry}`, { number: entry, note: 'é' })
  }
  await batch.commit()
  await database.close()
  return data
}

describe('dump | load', () => {
  it('reproduces every byte of every keyspace', async () => {
    const original = await randomDatabase()
    const copy = await temporaryPath('copy')
    const dump = await varve(['dump', original])
    expect(dump.stderr).toBe('')
    expect(dump.exitCode).toBe(0)
    await output(['load', copy], dump.bytes)
    const content = await contentOf(original)
    expect(content.length).toBeGreaterThan(3000)
    expect(await contentOf(copy)).toEqual(content)
    expect(await output(['dump', copy])).toBe(dump.stdout)
  })

  it('keeps the encodings that the keyspaces were created with', async () => {
    const original = await temporaryPath('original')
    const options = { keyEncoding: 'utf8', valueEncoding: 'json' } as const
    const first = await library.open(original, options)
    await first.put('k', { a: 1 })
    const words = await first.keyspace('words', { keyEncoding: 'utf8', valueEncoding: 'utf8' })
    await words.put('k', 'v')
    await first.close()
    const copy = await temporaryPath('copy')
    await output(['load', copy], await output(['dump', original]))
    await expect(library.open(copy)).rejects.toThrow(TypeError)
    const second = await library.open(copy, { ...options, createIfMissing: false })
    expect(await second.get('k')).toEqual({ a: 1 })
    await expect(second.keyspace('words', { valueEncoding: 'json' })).rejects.toThrow(TypeError)
    await second.close()
  })

  it('dumps one keyspace, and loads dumps from files', async () => {
    const original = await randomDatabase()
    const copy = await temporaryPath('copy')
    const file = await temporaryPath('users.dump')
    await writeFile(file, await output(['dump', original, '--keyspace', 'users']))
    await output(['load', copy, file])
    const users = (await contentOf(original)).filter(([name]) => name === 'users')
    expect(users.length).toBe(1500)
    expect(await contentOf(copy)).toEqual(users)
    expect(await failure(1, ['dump', original, '--keyspace', 'none'])).toContain('no keyspace')
    expect(await failure(2, ['load', copy, file, '--keyspace', 'other'])).toContain('--keyspace')
  })

  it('notices a dump that was cut off, and one that lacks entries', async () => {
    const data = await temporaryPath()
    const lines = [
      '{"varve":"dump","version":1}',
      '{"keyspace":""}',
      '{"k":"a","v":"1"}',
      '{"end":true,"entries":1}',
    ]
    const without = (at: number): string => lines.filter((_line, index) => index !== at).join('\n')
    expect(await failure(2, ['load', data], without(3))).toContain('cut off')
    expect(await failure(2, ['load', data], without(2))).toContain('says it has 1 entries')
    expect(await failure(2, ['load', data], [...lines, lines[2]].join('\n'))).toContain('already ended')
    await output(['load', data], lines.join('\n'))
    expect(await output(['scan', data])).toBe('a\t1\n')
  })
})
