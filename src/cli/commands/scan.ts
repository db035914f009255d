import type { Command } from 'commander'
import { jsonToken, textOfBytes } from '../codec.ts'
import { withKeyspace } from '../database.ts'
import {
  examples,
  keyEncodingOption,
  keyspaceOption,
  memoryLimitOption,
  valueEncodingOption,
  type DatabaseChoice,
  type KeyChoice,
  type ValueChoice,
} from '../options.ts'
import { Output } from '../output.ts'
import { addRangeOptions, rangeOf, type RangeChoice } from '../range-options.ts'

interface ScanChoice extends DatabaseChoice, KeyChoice, ValueChoice, RangeChoice {
  json?: true
  keysOnly?: true
}

export function addScan(program: Command): void {
  const command = program
    .command('scan')
    .summary('print entries in key order')
    .description(
      'Prints one entry per line in the order of the keys: key, tab, value. Use --json where keys or values may hold tabs or line breaks.',
    )
    .argument('<directory>', 'the database')
  addRangeOptions(command)
    .option('--json', 'one JSON object per line: {"key":…,"value":…}')
    .option('--keys-only', 'leave the values out')
    .addOption(keyspaceOption())
    .addOption(keyEncodingOption())
    .addOption(valueEncodingOption())
    .addOption(memoryLimitOption())
    .addHelpText(
      'after',
      examples(
        'varve scan ./data --prefix user/ --limit 10',
        'varve scan ./data --gte 2024 --lt 2025 --reverse',
        'varve scan ./data --keyspace users --value-encoding json --json',
      ),
    )
    .action(scan)
}

async function scan(directory: string, options: ScanChoice): Promise<void> {
  const range = rangeOf(options, options.keyEncoding)
  const toKey = (bytes: Uint8Array): string => textOfBytes(bytes, options.keyEncoding, 'key')
  const toValue = (bytes: Uint8Array): string => textOfBytes(bytes, options.valueEncoding, 'value')
  const keyLine = (key: Uint8Array): string =>
    options.json ? `{"key":${JSON.stringify(toKey(key))}}` : toKey(key)
  const entryLine = (key: Uint8Array, value: Uint8Array): string =>
    options.json
      ? `{"key":${JSON.stringify(toKey(key))},"value":${jsonToken(toValue(value), options.valueEncoding)}}`
      : `${toKey(key)}\t${toValue(value)}`

  const output = new Output()
  await withKeyspace(directory, options, async (keyspace) => {
    try {
      if (options.keysOnly) {
        for await (const key of keyspace.keys(range)) {
          output.line(keyLine(key))
          if (output.isFull) await output.flush()
        }
      } else {
        for await (const [key, value] of keyspace.range(range)) {
          output.line(entryLine(key, value))
          if (output.isFull) await output.flush()
        }
      }
    } finally {
      // What came before an entry that cannot be shown is shown all the same.
      await output.flush()
    }
  })
}
