import type { Command } from 'commander'
import { withKeyspace } from '../database.ts'
import {
  examples,
  keyEncodingOption,
  keyspaceOption,
  memoryLimitOption,
  type DatabaseChoice,
  type KeyChoice,
} from '../options.ts'
import { Output } from '../output.ts'
import { rangeOf, type RangeChoice } from '../range-options.ts'

type CountChoice = DatabaseChoice & KeyChoice & Pick<RangeChoice, 'prefix'>

export function addCount(program: Command): void {
  program
    .command('count')
    .summary('count entries')
    .description('Counts the entries of a keyspace by walking them.')
    .argument('<directory>', 'the database')
    .option('--prefix <key>', 'only keys that start with this')
    .addOption(keyspaceOption())
    .addOption(keyEncodingOption())
    .addOption(memoryLimitOption())
    .addHelpText('after', examples('varve count ./data', 'varve count ./data --prefix user/'))
    .action(count)
}

async function count(directory: string, options: CountChoice): Promise<void> {
  const range = rangeOf(options, options.keyEncoding)
  const output = new Output()
  await withKeyspace(directory, options, async (keyspace) => {
    output.line(String(await keyspace.count(range)))
    await output.flush()
  })
}
