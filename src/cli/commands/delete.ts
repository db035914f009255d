import type { Command } from 'commander'
import { bytesOfText } from '../codec.ts'
import { withKeyspace } from '../database.ts'
import { notFound } from '../failure.ts'
import {
  examples,
  keyEncodingOption,
  keyspaceOption,
  memoryLimitOption,
  type DatabaseChoice,
  type KeyChoice,
} from '../options.ts'

export function addDelete(program: Command): void {
  program
    .command('delete')
    .summary('delete a key')
    .description('Deletes a key; exits with 1, and writes nothing, when the key is absent.')
    .argument('<directory>', 'the database')
    .argument('<key>')
    .addOption(keyspaceOption())
    .addOption(keyEncodingOption())
    .addOption(memoryLimitOption())
    .addHelpText('after', examples('varve delete ./data greeting', 'varve delete ./data -- --odd-key'))
    .action(deleteKey)
}

async function deleteKey(
  directory: string,
  keyText: string,
  options: DatabaseChoice & KeyChoice,
): Promise<void> {
  const key = bytesOfText(keyText, options.keyEncoding, 'The key')
  await withKeyspace(directory, options, async (keyspace) => {
    if (!(await keyspace.has(key))) throw notFound('There is no such key; nothing was deleted.')
    await keyspace.delete(key)
  })
}
