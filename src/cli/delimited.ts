import { Readable, pipeline } from 'node:stream'
import { CsvError, parse, type Options } from 'csv-parse'
import { bytesOfText } from './codec.ts'
import { keyFieldOf, valueFieldOf, type FieldMapping, type LoadItem } from './entries.ts'
import { oneLine, usage } from './failure.ts'
import { LINE_MAX_BYTES, malformed, type TextBlock } from './input.ts'

/** What csv-parse gives for a record with `info: true`. */
interface Row {
  info: { lines: number }
  record: string[]
}

/** Positions of the columns that are used, found in the header line. */
interface Columns {
  names: readonly string[]
  key: number
  /** Undefined when the value is an object of `valueColumns`. */
  value: number | undefined
  valueColumns: readonly number[]
}

/**
 * Records of CSV (RFC 4180) or TSV (no quoting, so fields hold neither tabs nor line breaks); the first line names
 * the columns.
 */
export async function* delimitedItems(
  blocks: AsyncGenerator<TextBlock>,
  delimiter: ',' | '\t',
  mapping: FieldMapping,
): AsyncGenerator<LoadItem> {
  let columns: Columns | undefined
  for await (const { info, record } of rows(blocks, delimiter)) {
    if (columns === undefined) columns = columnsOf(record, mapping)
    else yield itemOf(record, info.lines, columns, mapping)
  }
}

async function* rows(blocks: AsyncGenerator<TextBlock>, delimiter: string): AsyncGenerator<Row> {
  const options: Options = {
    delimiter,
    quote: delimiter === '\t' ? null : '"',
    skip_empty_lines: true,
    max_record_size: LINE_MAX_BYTES,
    info: true,
  }
  const parser = parse(options)
  // A failure of the input destroys the parser with it, so that the loop below throws it.
  pipeline(Readable.from(texts(blocks)), parser, () => undefined)
  try {
    for await (const row of parser) yield row as Row
  } catch (error) {
    if (!(error instanceof CsvError)) throw error
    const line = Number(error['lines'] ?? 0)
    throw malformed(line, `${oneLine(error.message).replace(/ (on|at) line \d+/, '')}.`)
  }
}

async function* texts(blocks: AsyncGenerator<TextBlock>): AsyncGenerator<string> {
  for await (const block of blocks) yield block.text
}

function columnsOf(names: readonly string[], mapping: FieldMapping): Columns {
  const position = (name: string, option: string): number => {
    const at = names.indexOf(name)
    if (at >= 0 && names.indexOf(name, at + 1) < 0) return at
    const problem = at < 0 ? `There is no column "${name}"` : `There are several columns "${name}"`
    throw usage(`${problem}; name another with ${option} (the columns are: ${names.join(', ')}).`)
  }
  const valueField = valueFieldOf(mapping)
  const selected = mapping.valueFields.length > 0 ? mapping.valueFields : names
  return {
    names,
    key: position(keyFieldOf(mapping), '--key'),
    value: valueField === undefined ? undefined : position(valueField, '--value'),
    valueColumns: valueField === undefined ? selected.map((name) => position(name, '--value')) : [],
  }
}

function itemOf(fields: readonly string[], line: number, columns: Columns, mapping: FieldMapping): LoadItem {
  const bytes = (at: number, encoding: FieldMapping['valueEncoding']): Uint8Array =>
    bytesOfText(fields[at] ?? '', encoding, `Line ${line}: the field "${columns.names[at] ?? ''}"`)
  const key = bytes(columns.key, mapping.keyEncoding)
  const value =
    columns.value === undefined
      ? Buffer.from(objectText(fields, columns), 'utf8')
      : bytes(columns.value, mapping.valueEncoding)
  return { type: 'entry', line, key, value }
}

function objectText(fields: readonly string[], columns: Columns): string {
  const members = columns.valueColumns.map(
    (at) => `${JSON.stringify(columns.names[at] ?? '')}:${JSON.stringify(fields[at] ?? '')}`,
  )
  return `{${members.join(',')}}`
}
