import { extname } from 'node:path'
import { bytesOfText } from './codec.ts'
import { delimitedItems } from './delimited.ts'
import { DumpReader, isDumpHeader, parseObject, type JsonObject } from './dump-format.ts'
import { keyFieldOf, valueFieldOf, type FieldMapping, type LoadItem } from './entries.ts'
import { usage } from './failure.ts'
import { malformed, type TextBlock } from './input.ts'

export type LoadFormat = 'ndjson' | 'csv' | 'tsv' | 'dump'

export const loadFormats: readonly LoadFormat[] = ['ndjson', 'csv', 'tsv', 'dump']

/** The format a file's extension stands for; standard input is NDJSON. @throws a usage failure */
export function formatOf(file: string | undefined): LoadFormat {
  if (file === undefined || file === '-') return 'ndjson'
  switch (extname(file).toLowerCase()) {
    case '.ndjson':
    case '.jsonl':
      return 'ndjson'
    case '.csv':
      return 'csv'
    case '.tsv':
    case '.tab':
      return 'tsv'
    case '.dump':
      return 'dump'
    default:
      throw usage(`The format of ${file} is not clear from its name; name it with --format.`)
  }
}

/** The records of a text as what to load. @throws a usage failure that names the line */
export function itemsOf(
  blocks: AsyncGenerator<TextBlock>,
  format: LoadFormat,
  mapping: FieldMapping,
): AsyncGenerator<LoadItem> {
  const isBinary = mapping.valueEncoding === 'hex' || mapping.valueEncoding === 'base64'
  if (isBinary && valueFieldOf(mapping) === undefined) {
    throw usage(
      `A value of several fields is a JSON object, never ${mapping.valueEncoding}; name one field with --value.`,
    )
  }
  return format === 'csv' || format === 'tsv'
    ? delimitedItems(blocks, format === 'csv' ? ',' : '\t', mapping)
    : lineItems(blocks, format, mapping)
}

async function* lineItems(
  blocks: AsyncGenerator<TextBlock>,
  format: 'ndjson' | 'dump',
  mapping: FieldMapping,
): AsyncGenerator<LoadItem> {
  const mayBeDump = mapping.keyField === undefined && mapping.valueFields.length === 0
  let dump = format === 'dump' ? new DumpReader() : undefined
  let isFirst = true
  let line = 0
  for await (const block of blocks) {
    line = block.firstLine
    for (const text of block.text.split('\n')) {
      if (text.trim() !== '') {
        if (isFirst && mayBeDump && isDumpHeader(text)) dump ??= new DumpReader()
        isFirst = false
        const item = dump === undefined ? jsonItem(text, line, mapping) : dump.read(text, line)
        if (item !== undefined) yield item
      }
      line++
    }
  }
  dump?.finish(line)
}

function jsonItem(text: string, line: number, mapping: FieldMapping): LoadItem {
  const record = parseObject(text, line)
  const keyField = keyFieldOf(mapping)
  const valueField = valueFieldOf(mapping)
  const key = bytesAt(
    keyText(field(record, keyField, line), keyField, line),
    mapping.keyEncoding,
    keyField,
    line,
  )
  if (valueField === undefined) {
    // The whole line as it is, so that nothing of it is lost in translation.
    const value = mapping.valueFields.length === 0 ? text.trim() : JSON.stringify(picked(record, mapping))
    return { type: 'entry', line, key, value: Buffer.from(value, 'utf8') }
  }
  const value = field(record, valueField, line)
  const isText = typeof value === 'string' && mapping.valueEncoding !== 'json'
  if (!isText && (mapping.valueEncoding === 'hex' || mapping.valueEncoding === 'base64')) {
    throw malformed(line, `the field "${valueField}" is not text.`)
  }
  const valueText = isText ? value : JSON.stringify(exact(value, valueField, line))
  return { type: 'entry', line, key, value: bytesAt(valueText, mapping.valueEncoding, valueField, line) }
}

/** Text to bytes, with the line and the field in the complaint. */
function bytesAt(
  text: string,
  encoding: FieldMapping['valueEncoding'],
  name: string,
  line: number,
): Uint8Array {
  return bytesOfText(text, encoding, `Line ${line}: the field "${name}"`)
}

function field(record: JsonObject, name: string, line: number): unknown {
  if (!Object.hasOwn(record, name)) throw malformed(line, `it has no field "${name}".`)
  return record[name]
}

function keyText(value: unknown, name: string, line: number): string {
  if (typeof value === 'string') return value
  if (typeof value === 'number') return String(exact(value, name, line))
  throw malformed(line, `the key field "${name}" is neither text nor a number.`)
}

function picked(record: JsonObject, mapping: FieldMapping): JsonObject {
  return Object.fromEntries(
    mapping.valueFields.filter((name) => Object.hasOwn(record, name)).map((name) => [name, record[name]]),
  )
}

/** Refuses whole numbers that JavaScript has already rounded. */
function exact(value: unknown, name: string, line: number): unknown {
  if (typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value)) {
    throw malformed(line, `the number in "${name}" is too large to be kept exactly; write it as text.`)
  }
  return value
}
