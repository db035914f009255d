import { writeFile } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { contentOf, failure, output, temporaryPath, varve } from './support.ts'

async function inputFile(data: string, name: string, content: string | Uint8Array): Promise<string> {
  const file = join(dirname(data), name)
  await writeFile(file, content)
  return file
}

describe('load', () => {
  it('reads CSV with quotes, line breaks and a byte order mark; the whole record is the value', async () => {
    const data = await temporaryPath()
    const csv = '\uFEFFid,name,note\r\n1,"Ada, Countess","said ""hi""\nand left"\r\n2,Grace,\r\n'
    const file = await inputFile(data, 'people.csv', csv)
    await output(['load', data, file, '--key', 'id'])
    expect(JSON.parse(await output(['get', data, '1']))).toEqual({
      id: '1',
      name: 'Ada, Countess',
      note: 'said "hi"\nand left',
    })
    expect(await output(['count', data])).toBe('2\n')
  })

  it('picks one value field, or several as a JSON object', async () => {
    const data = await temporaryPath()
    const file = await inputFile(data, 'people.csv', 'id,name,born\n1,Ada,1815\n2,Grace,1906\n')
    await output(['load', data, file, '--key', 'id', '--value', 'name'])
    expect(await output(['scan', data])).toBe('1\tAda\n2\tGrace\n')
    await output(['load', data, file, '--key', 'id', '--value', 'name', 'born', '--keyspace', 'objects'])
    expect(await output(['get', data, '2', '--keyspace', 'objects'])).toBe('{"name":"Grace","born":"1906"}\n')
  })

  it('reads TSV without quoting', async () => {
    const data = await temporaryPath()
    const file = await inputFile(data, 'quotes.tsv', 'key\tvalue\n1\t"quoted" text\n2\t"open\n')
    await output(['load', data, file])
    expect(await output(['scan', data])).toBe('1\t"quoted" text\n2\t"open\n')
  })

  it('reads NDJSON from standard input: key and value, a field, or the line as it is', async () => {
    const data = await temporaryPath()
    await output(['load', data], '{"key":"a","value":"text"}\n\n{"key":"b","value":{"n":1}}')
    expect(await output(['scan', data])).toBe('a\ttext\nb\t{"n":1}\n')
    const line = '{"id":7, "big":12345678901234567890, "name":"x"}'
    await output(['load', data, '-', '--key', 'id', '--keyspace', 'lines'], `${line}\n`)
    expect(await output(['get', data, '7', '--keyspace', 'lines'])).toBe(`${line}\n`)
    await output(['load', data, '--key', 'id', '--value', 'name', '--keyspace', 'names'], `${line}\n`)
    expect(await output(['get', data, '7', '--keyspace', 'names'])).toBe('x\n')
  })

  it('decodes keys and values', async () => {
    const data = await temporaryPath()
    const line = '{"key":"00ff","value":"AAE="}\n'
    await output(['load', data, '--key-encoding', 'hex', '--value-encoding', 'base64'], line)
    expect(await contentOf(data)).toEqual([['', '00ff', '0001']])
  })

  it('loads large input from a pipe in many batches, and says how many', async () => {
    const data = await temporaryPath()
    const lines = Array.from({ length: 25_500 }, (_, at) => `${at},${'v'.repeat(at % 90)}`)
    const result = await varve(['load', data, '--format', 'csv'], `key,value\n${lines.join('\n')}\n`)
    expect(result.exitCode).toBe(0)
    expect(result.stdout).toBe('')
    expect(result.stderr).toMatch(/^varve: loaded 25,500 entries in \d+\.\d s \([\d,]+ entries\/s\)\.\n$/)
    expect(await output(['count', data])).toBe('25500\n')
  })

  it('names the malformed line and keeps exactly the batches that were committed', async () => {
    const data = await temporaryPath()
    const lines = Array.from({ length: 2500 }, (_, at) => `{"key":"${at}","value":"v"}`)
    lines[2299] = '{"key":'
    const message = await failure(2, ['load', data], lines.join('\n'))
    expect(message).toContain('Line 2300:')
    expect(message).toContain('2,000 entries loaded before')
    expect(await output(['count', data])).toBe('2000\n')
  })

  it.each([
    ['not JSON', 'ndjson', 'nonsense', 'Line 1: it is not JSON'],
    ['not an object', 'ndjson', '[1]', 'Line 1: it is not a JSON object'],
    ['without its key', 'ndjson', '{"value":1}', 'Line 1: it has no field "key"'],
    ['without its value', 'ndjson', '\n{"key":"1"}', 'Line 2: it has no field "value"'],
    ['with a key that is an object', 'ndjson', '{"key":{},"value":1}', 'neither text nor a number'],
    ['with a rounded number', 'ndjson', '{"key":9007199254740993,"value":1}', 'too large'],
    [
      'with a key that is too long',
      'ndjson',
      `{"key":"${'k'.repeat(65536)}","value":1}`,
      'Line 1: key is 65536',
    ],
    ['with too few fields', 'csv', 'key,value\n1,2\n3\n', 'Line 3:'],
    ['with an open quote', 'csv', 'key,value\n1,"2\n', 'Line'],
    ['without the key column', 'csv', 'id,value\n1,2\n', 'no column "key"'],
    ['with a column twice', 'csv', 'key,value,value\n1,2,3\n', 'several columns "value"'],
    ['that does not begin as a dump', 'dump', '{"k":"a","v":"b"}\n', 'a dump begins with'],
    ['of a later dump version', 'dump', '{"varve":"dump","version":2}\n', 'version 2'],
  ])('refuses a line %s', async (_title, format, text, expected) => {
    const data = await temporaryPath()
    const message = await failure(2, ['load', data, '--format', format], text)
    expect(message).toContain(expected)
    expect(message).toContain('nothing was loaded')
  })

  it('refuses text that is not UTF-8 instead of repairing it', async () => {
    const data = await temporaryPath()
    const bad = Buffer.concat([Buffer.from('{"key":"a","value":"b"}\n{"key":"'), Buffer.from([0xff, 0x22])])
    expect(await failure(2, ['load', data], bad)).toContain('Line 2: the text is not valid UTF-8')
  })

  it('creates nothing when the input cannot be used', async () => {
    const data = await temporaryPath()
    const unclear = await inputFile(data, 'data.json', '[]')
    expect(await failure(1, ['load', data, join(dirname(data), 'none.csv')])).toContain('no file')
    expect(await failure(2, ['load', data, unclear])).toContain('--format')
    expect(await failure(2, ['load', data, dirname(data), '--format', 'csv'])).toContain('is a directory')
    expect(await failure(2, ['load', data], 'nonsense')).toContain('Line 1')
    const objects = ['load', data, '--key', 'id', '--value-encoding', 'hex']
    expect(await failure(2, objects, '{"id":1}')).toContain('--value')
    expect(existsSync(data)).toBe(false)
  })
})
