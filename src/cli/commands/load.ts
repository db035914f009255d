import { Option, type Command } from 'commander'
import { openInput, textBlocks } from '../input.ts'
import { LoadTarget } from '../load-target.ts'
import { usage } from '../failure.ts'
import type { FieldMapping, LoadItem } from '../entries.ts'
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
import { LoadProgress, withCountBefore } from '../progress.ts'
import { formatOf, itemsOf, loadFormats, type LoadFormat } from '../records.ts'

interface LoadChoice extends DatabaseChoice, KeyChoice, ValueChoice {
  format?: LoadFormat
  key?: string
  value?: string[]
}

const description = [
  'Loads records from a file or from standard input; creates the database and the keyspace.',
  'NDJSON, CSV, TSV: --key names the field of the key (default "key"), --value the field or fields of the value. ' +
    'Without --value the value is the field "value" or, with --key, the whole record. Several fields and whole ' +
    'records are stored as JSON objects. The first line of CSV and TSV names the columns; TSV knows no quotes.',
  'A dump (see "varve dump") is recognised by its first line and brings its keyspaces along.',
  'Entries are committed 1,000 at a time. A line that cannot be read ends the load with exit code 2 and the number ' +
    'of the line; what was committed before stays and is counted in the message.',
].join('\n\n')

export function addLoad(program: Command): void {
  program
    .command('load')
    .summary('load NDJSON, CSV, TSV or a dump')
    .description(description)
    .argument('<directory>', 'the database')
    .argument('[file]', 'standard input without it, or for -')
    .addOption(
      new Option(
        '--format <name>',
        'format of the input; guessed from the extension, standard input is NDJSON',
      ).choices(loadFormats),
    )
    .option('--key <field>', 'field of the key')
    .option('--value <field...>', 'field or fields of the value')
    .addOption(keyspaceOption())
    .addOption(keyEncodingOption())
    .addOption(valueEncodingOption())
    .addOption(memoryLimitOption())
    .addHelpText(
      'after',
      examples(
        'varve load ./data cities.csv --key id',
        'varve load ./data users.ndjson --keyspace users --key id --value name email',
        'zcat log.tsv.gz | varve load ./data --format tsv --key time --value message',
        'varve dump ./data | varve load ./copy',
      ),
    )
    .action(load)
}

async function load(directory: string, file: string | undefined, options: LoadChoice): Promise<void> {
  const format = options.format ?? formatOf(file)
  const mapping: FieldMapping = {
    keyField: options.key,
    valueFields: options.value ?? [],
    keyEncoding: options.keyEncoding,
    valueEncoding: options.valueEncoding,
  }
  const input = await openInput(file)
  const progress = new LoadProgress(input.sizeBytes)
  try {
    const blocks = textBlocks(input.stream, (bytes) => progress.read(bytes))
    await loadItems(directory, options, itemsOf(blocks, format, mapping), progress)
  } catch (error) {
    throw withCountBefore(error, progress.entries, 'loaded')
  } finally {
    progress.stop()
    input.stream.destroy()
  }
  process.stderr.write(`varve: loaded ${progress.summary()}.\n`)
}

/** Opens the database only when the first record could be read, so that bad input creates nothing. */
async function loadItems(
  directory: string,
  options: DatabaseChoice,
  items: AsyncGenerator<LoadItem>,
  progress: LoadProgress,
): Promise<void> {
  const first = await items.next()
  const header = !first.done && first.value.type === 'keyspace' ? first.value : undefined
  if (header !== undefined && options.keyspace !== undefined) {
    throw usage('A dump names its own keyspaces; leave --keyspace out, or name it to "varve dump".')
  }
  const target = await LoadTarget.open(directory, options, header, (entries) => progress.loaded(entries))
  try {
    if (!first.done) await target.add(first.value)
    for await (const item of items) {
      const full = target.add(item)
      if (full !== undefined) await full
    }
    await target.commit()
  } catch (error) {
    await target.abandon()
    throw error
  }
  await target.close()
}
