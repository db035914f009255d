import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { contentOf, failure, output, temporaryPath, varve } from './support.ts'

async function fruits(): Promise<string> {
  const data = await temporaryPath()
  const lines = ['apple\tred', 'banana\tyellow', 'cherry\tdark', 'apricot\torange'].join('\n')
  await output(['load', data, '--format', 'tsv'], `key\tvalue\n${lines}\n`)
  return data
}

describe('put, get, delete', () => {
  it('stores, prints and deletes a value', async () => {
    const data = await temporaryPath()
    expect(await output(['put', data, 'greeting', 'hello', '--create'])).toBe('')
    expect(await output(['get', data, 'greeting'])).toBe('hello\n')
    expect(await output(['put', data, 'greeting', 'good day'])).toBe('')
    expect(await output(['get', data, 'greeting'])).toBe('good day\n')
    expect(await output(['delete', data, 'greeting'])).toBe('')
    expect(await failure(1, ['get', data, 'greeting'])).toContain('no such key')
    expect(await failure(1, ['delete', data, 'greeting'])).toContain('nothing was deleted')
  })

  it('takes the value from standard input, byte for byte', async () => {
    const data = await temporaryPath()
    await output(['put', data, 'poem', '--create'], 'two\nlines\n')
    expect(await output(['get', data, 'poem'])).toBe('two\nlines\n\n')
    await output(['put', data, 'picture', '--value-encoding', 'base64'], 'AP8B\nAg==\n')
    expect(await output(['get', data, 'picture', '--value-encoding', 'hex'])).toBe('00ff0102\n')
    expect(await failure(2, ['put', data, 'x'], new Uint8Array([0xff, 0xfe]))).toContain('base64')
  })

  it('reads and writes keys and values in every encoding', async () => {
    const data = await temporaryPath()
    await output([
      'put',
      data,
      '00ff',
      'wqM=',
      '--create',
      '--key-encoding',
      'hex',
      '--value-encoding',
      'base64',
    ])
    expect(await output(['get', data, 'AP8=', '--key-encoding', 'base64'])).toBe('£\n')
    expect(await output(['get', data, '00FF', '--key-encoding', 'hex', '--value-encoding', 'hex'])).toBe(
      'c2a3\n',
    )
    await output(['put', data, 'j', ' {"a": [1, 2]} ', '--value-encoding', 'json'])
    expect(await output(['get', data, 'j', '--value-encoding', 'json'])).toBe('{"a": [1, 2]}\n')
    expect(await contentOf(data)).toEqual([
      ['', '00ff', 'c2a3'],
      ['', '6a', Buffer.from('{"a": [1, 2]}').toString('hex')],
    ])
  })

  it('refuses text that is not what the encoding says', async () => {
    const data = await temporaryPath()
    await output(['put', data, 'k', 'v', '--create'])
    expect(await failure(2, ['put', data, '0', 'v', '--key-encoding', 'hex'])).toContain('hexadecimal')
    expect(await failure(2, ['put', data, 'zz', 'v', '--key-encoding', 'hex'])).toContain('The key')
    expect(await failure(2, ['put', data, 'k', 'a', '--value-encoding', 'base64'])).toContain('The value')
    expect(await failure(2, ['put', data, 'k', '{a}', '--value-encoding', 'json'])).toContain('not JSON')
    expect(await failure(2, ['get', data, 'k', '--value-encoding', 'json'])).toContain(
      '--value-encoding utf8',
    )
    expect(await failure(2, ['put', data, 'x'.repeat(65536), 'v'])).toContain('65535')
    expect(await contentOf(data)).toEqual([['', '6b', '76']])
  })

  it('accepts an empty value, and keys that look like options', async () => {
    const data = await temporaryPath()
    await output(['put', data, '--create', '--', '--odd', ''])
    expect(await output(['get', data, '--', '--odd'])).toBe('\n')
    await output(['delete', data, '--', '--odd'])
    expect(await contentOf(data)).toEqual([])
  })

  it('works on named keyspaces, which only --create makes', async () => {
    const data = await temporaryPath()
    await output(['put', data, 'k', 'default', '--create'])
    expect(await failure(1, ['put', data, 'k', 'v', '--keyspace', 'users'])).toContain('no keyspace "users"')
    await output(['put', data, 'k', 'named', '--keyspace', 'users', '--create'])
    expect(await output(['get', data, 'k', '--keyspace', 'users'])).toBe('named\n')
    expect(await output(['get', data, 'k'])).toBe('default\n')
    expect(await output(['count', data, '--keyspace', 'users'])).toBe('1\n')
  })
})

describe('scan', () => {
  it('prints entries in key order, forwards, backwards and in part', async () => {
    const data = await fruits()
    expect(await output(['scan', data])).toBe('apple\tred\napricot\torange\nbanana\tyellow\ncherry\tdark\n')
    expect(await output(['scan', data, '--prefix', 'ap', '--reverse'])).toBe('apricot\torange\napple\tred\n')
    expect(await output(['scan', data, '--gte', 'apricot', '--lt', 'cherry', '--keys-only'])).toBe(
      'apricot\nbanana\n',
    )
    expect(await output(['scan', data, '--gt', 'apricot', '--lte', 'cherry', '--limit', '1'])).toBe(
      'banana\tyellow\n',
    )
    expect(await output(['scan', data, '--limit', '0'])).toBe('')
    expect(await output(['scan', data, '--gte', '6368', '--key-encoding', 'hex'])).toBe(
      '636865727279\tdark\n',
    )
  })

  it('prints JSON lines that load reads again', async () => {
    const data = await temporaryPath()
    await output(['put', data, 'tab\tkey', '{"a":\n1}', '--create'])
    expect(await output(['scan', data, '--json'])).toBe('{"key":"tab\\tkey","value":"{\\"a\\":\\n1}"}\n')
    const lines = await output(['scan', data, '--json', '--value-encoding', 'json'])
    expect(lines).toBe('{"key":"tab\\tkey","value":{"a": 1}}\n')
    expect(await output(['scan', data, '--json', '--keys-only'])).toBe('{"key":"tab\\tkey"}\n')
    const copy = await temporaryPath('copy')
    await output(['load', copy, '--value-encoding', 'json'], lines)
    expect(await output(['get', copy, 'tab\tkey'])).toBe('{"a":1}\n')
  })

  it('names an encoding that can show bytes which are not UTF-8, after what came before', async () => {
    const data = await temporaryPath()
    await output(['put', data, 'a', 'text', '--create'])
    await output(['put', data, 'b', 'ff', '--value-encoding', 'hex'])
    const result = await varve(['scan', data])
    expect(result.exitCode).toBe(2)
    expect(result.stdout).toBe('a\ttext\n')
    expect(result.stderr).toContain('--value-encoding hex')
    expect(await output(['scan', data, '--keys-only'])).toBe('a\nb\n')
  })
})

describe('count', () => {
  it('counts all entries or those with a prefix', async () => {
    const data = await fruits()
    expect(await output(['count', data])).toBe('4\n')
    expect(await output(['count', data, '--prefix', 'ap'])).toBe('2\n')
    expect(await output(['count', data, '--prefix', 'x'])).toBe('0\n')
  })
})

describe('stat', () => {
  it('shows keyspaces and counters as tables and as JSON', async () => {
    const data = await fruits()
    await output(['put', data, 'k', 'v', '--keyspace', 'users', '--create'])
    const text = await output(['stat', data])
    expect(text).toContain('(default)')
    expect(text).toContain('users')
    const stats = JSON.parse(await output(['stat', data, '--json'])) as {
      keyspaces: { name: string; tableEntries: number; memtableEntries: number }[]
      recovery: { droppedBytes: number }
    }
    expect(stats.keyspaces.map(({ name }) => name)).toEqual(['', 'users'])
    expect(stats.keyspaces.map((each) => each.tableEntries + each.memtableEntries)).toEqual([4, 1])
    expect(stats.recovery.droppedBytes).toBe(0)
    expect(await output(['stat', data, '--keyspace', 'users'])).not.toContain('(default)')
  })
})

describe('compact and verify', () => {
  it('merge tables, and find nothing wrong with them', async () => {
    const data = await temporaryPath()
    for (const round of [1, 2, 3]) {
      const lines = Array.from(
        { length: 5000 },
        (_, i) => `{"key":"${i}","value":"${round} ${'v'.repeat(50)}"}`,
      )
      await output(['load', data], lines.join('\n'))
    }
    const [, before, after] =
      /([\d,]+) bytes in tables before, ([\d,]+) after/.exec(await output(['compact', data])) ?? []
    const number = (text = ''): number => Number(text.replaceAll(',', ''))
    expect(number(after)).toBeLessThanOrEqual(number(before))
    expect(await output(['compact', data, '--keyspace', ''])).toContain('bytes in tables')
    expect(await output(['verify', data])).toMatch(
      /^ok: \d+ files, [1-9]\d* tables, [\d,]+ blocks, 5,000 entries\n$/,
    )
    const report = JSON.parse(await output(['verify', data, '--json'])) as {
      problems: unknown[]
      entries: number
    }
    expect(report).toMatchObject({ problems: [], entries: 5000 })
    expect(await output(['stat', data])).toContain('score')
  })

  it('name what is damaged, with exit code 4', async () => {
    const data = await temporaryPath()
    const lines = Array.from({ length: 5000 }, (_, i) => `{"key":"${i}","value":"${'v'.repeat(50)}"}`)
    await output(['load', data], lines.join('\n'))
    await output(['compact', data])
    const [name] = (await readdir(data)).filter((each) => each.endsWith('.sst')) as [string]
    const bytes = await readFile(join(data, name))
    const middle = bytes.length >>> 1
    bytes.writeUInt8(bytes.readUInt8(middle) ^ 1, middle)
    await writeFile(join(data, name), bytes)
    const { exitCode, stdout, stderr } = await varve(['verify', data])
    expect(exitCode).toBe(4)
    expect(stdout).toContain(name)
    expect(stderr).toContain('The database is damaged')
  })
})
