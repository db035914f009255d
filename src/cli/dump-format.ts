import { isUtf8 } from 'node:buffer'
import { bufferOf, bytesOfBase64 } from './codec.ts'
import type { KeyspaceHeader, LoadItem } from './entries.ts'
import { malformed } from './input.ts'

/**
 * The format of `varve dump`: one JSON object per line.
 *
 *   {"varve":"dump","version":1}
 *   {"keyspace":"","keyEncoding":"utf8","valueEncoding":"json"}     the entries that follow are its
 *   {"k":"…","v":"…"}                                               text, when the bytes are valid UTF-8
 *   {"k64":"…","v64":"…"}                                           base64, when they are not
 *   {"end":true,"entries":2}                                        so that a cut dump is noticed
 */
const VERSION = 1

export const dumpHeaderLine: string = JSON.stringify({ varve: 'dump', version: VERSION })

export function keyspaceLine(header: KeyspaceHeader): string {
  return JSON.stringify({
    keyspace: header.name,
    keyEncoding: header.keyEncoding,
    valueEncoding: header.valueEncoding,
  })
}

export function entryLine(key: Uint8Array, value: Uint8Array): string {
  return `{${member('k', key)},${member('v', value)}}`
}

export function endLine(entries: number): string {
  return JSON.stringify({ end: true, entries })
}

function member(name: 'k' | 'v', bytes: Uint8Array): string {
  const buffer = bufferOf(bytes)
  return isUtf8(buffer)
    ? `"${name}":${JSON.stringify(buffer.toString('utf8'))}`
    : `"${name}64":"${buffer.toString('base64')}"`
}

/** Whether a line is the first of a dump, of any version. */
export function isDumpHeader(line: string): boolean {
  if (!line.includes('"varve"')) return false
  try {
    return objectOf(JSON.parse(line))?.['varve'] === 'dump'
  } catch {
    return false
  }
}

/** Reads the lines of a dump, the header first. `finish` finds out whether the end is missing. */
export class DumpReader {
  #isStarted = false
  #isEnded = false
  #entries = 0

  /** @returns undefined for the lines that frame the dump. @throws a usage failure naming the line */
  read(text: string, line: number): LoadItem | undefined {
    const record = parseObject(text, line)
    if (!this.#isStarted) return this.#start(record, line)
    if (this.#isEnded) throw malformed(line, 'the dump has already ended.')
    if (typeof record['keyspace'] === 'string') return keyspaceItem(record, record['keyspace'], line)
    if (record['end'] === true) return this.#end(record, line)
    this.#entries++
    return { type: 'entry', line, key: bytesOf(record, 'k', line), value: bytesOf(record, 'v', line) }
  }

  finish(lastLine: number): void {
    if (!this.#isStarted) throw malformed(1, 'a dump was expected, but there is nothing.')
    if (!this.#isEnded) throw malformed(lastLine, 'the dump is cut off; its end line is missing.')
  }

  #start(record: JsonObject, line: number): undefined {
    if (record['varve'] !== 'dump') throw malformed(line, 'a dump begins with {"varve":"dump",…}.')
    if (record['version'] !== VERSION) {
      const found = String(record['version'])
      throw malformed(line, `the dump has version ${found}, this varve reads ${VERSION}; use a newer varve.`)
    }
    this.#isStarted = true
  }

  #end(record: JsonObject, line: number): undefined {
    if (record['entries'] !== this.#entries) {
      const expected = String(record['entries'])
      throw malformed(line, `the dump says it has ${expected} entries, but ${this.#entries} came before.`)
    }
    this.#isEnded = true
  }
}

function keyspaceItem(record: JsonObject, name: string, line: number): LoadItem {
  const keyEncoding = optionalText(record, 'keyEncoding', line)
  const valueEncoding = optionalText(record, 'valueEncoding', line)
  return { type: 'keyspace', line, name, keyEncoding, valueEncoding }
}

function bytesOf(record: JsonObject, name: 'k' | 'v', line: number): Uint8Array {
  const text = record[name]
  if (typeof text === 'string') return Buffer.from(text, 'utf8')
  const base64 = record[`${name}64`]
  if (typeof base64 !== 'string') throw malformed(line, `neither "${name}" nor "${name}64" is there as text.`)
  return bytesOfBase64(base64, `Line ${line}: "${name}64"`)
}

function optionalText(record: JsonObject, name: string, line: number): string | undefined {
  const text = record[name]
  if (text === undefined || typeof text === 'string') return text
  throw malformed(line, `"${name}" is not text.`)
}

export type JsonObject = Record<string, unknown>

export function parseObject(text: string, line: number): JsonObject {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    throw malformed(line, 'it is not JSON; one object per line is expected.')
  }
  const record = objectOf(parsed)
  if (record === undefined) throw malformed(line, 'it is not a JSON object.')
  return record
}

function objectOf(value: unknown): JsonObject | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as JsonObject)
    : undefined
}
