import type { Command } from 'commander'
import { bytesOfText, textOfBytes } from '../codec.ts'
import { withKeyspace } from '../database.ts'
import { notFound } from '../failure.ts'
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

export function addGet(program: Command): void {
  program
    .command('get')
    .summary('print the value of a key')
    .description('Prints the value of a key and a line break; exits with 1 when the key is absent.')
    .argument('<directory>', 'the database')
    .argument('<key>')
    .addOption(keyspaceOption())
    .addOption(keyEncodingOption())
    .addOption(valueEncodingOption())
    .addOption(memoryLimitOption())
    .addHelpText(
      'after',
      examples(
        'varve get ./data greeting',
        'varve get ./data 00ff --key-encoding hex --value-encoding base64',
        'varve get ./data u1 --keyspace users',
      ),
    )
    .action(get)
}

async function get(
  directory: string,
  keyText: string,
  options: DatabaseChoice & KeyChoice & ValueChoice,
): Promise<void> {
  const key = bytesOfText(keyText, options.keyEncoding, 'The key')
  const output = new Output()
  await withKeyspace(directory, options, async (keyspace) => {
    const value = await keyspace.get(key)
    if (value === undefined) throw notFound('There is no such key.')
    output.line(textOfBytes(value, options.valueEncoding, 'value'))
    await output.flush()
  })
}
