import { buffer } from 'node:stream/consumers'
import { isUtf8 } from 'node:buffer'
import type { Command } from 'commander'
import { bytesOfText, type ValueText } from '../codec.ts'
import { withKeyspace, withNewKeyspace } from '../database.ts'
import { usage } from '../failure.ts'
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

interface PutChoice extends DatabaseChoice, KeyChoice, ValueChoice {
  create?: true
}

export function addPut(program: Command): void {
  program
    .command('put')
    .summary('store a value under a key')
    .description('Stores a value under a key, from the command line or from standard input.')
    .argument('<directory>', 'the database')
    .argument('<key>')
    .argument('[value]', 'without it, standard input to its end')
    .option('--create', 'create the database and the keyspace if they do not exist')
    .addOption(keyspaceOption())
    .addOption(keyEncodingOption())
    .addOption(valueEncodingOption())
    .addOption(memoryLimitOption())
    .addHelpText(
      'after',
      examples(
        'varve put ./data greeting hello --create',
        'varve put ./data u1 \'{"name":"Ada"}\' --keyspace users --value-encoding json',
        'base64 picture.png | varve put ./data picture --value-encoding base64',
      ),
    )
    .action(put)
}

async function put(
  directory: string,
  keyText: string,
  valueText: string | undefined,
  options: PutChoice,
): Promise<void> {
  const key = bytesOfText(keyText, options.keyEncoding, 'The key')
  const value =
    valueText === undefined
      ? await standardInput(options.valueEncoding)
      : bytesOfText(valueText, options.valueEncoding, 'The value')
  const open = options.create ? withNewKeyspace : withKeyspace
  await open(directory, options, (keyspace) => keyspace.put(key, value))
}

/** UTF-8 is kept byte for byte, a final line break included; white space means nothing in the others. */
async function standardInput(encoding: ValueText): Promise<Uint8Array> {
  const bytes = await buffer(process.stdin)
  if (!isUtf8(bytes)) {
    throw usage('Standard input is not valid UTF-8; pipe it through base64 and name --value-encoding base64.')
  }
  if (encoding === 'utf8') return bytes
  const text = bytes.toString('utf8')
  const tokens = encoding === 'json' ? text : text.replace(/\s+/g, '')
  return bytesOfText(tokens, encoding, 'Standard input')
}
