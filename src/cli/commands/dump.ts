import type { Command } from 'commander'
import { existingKeyspace, fixedEncodings, withDatabase } from '../database.ts'
import { dumpHeaderLine, endLine, entryLine, keyspaceLine } from '../dump-format.ts'
import { examples, keyspaceOption, memoryLimitOption, type DatabaseChoice } from '../options.ts'
import { Output } from '../output.ts'

export function addDump(program: Command): void {
  program
    .command('dump')
    .summary('print everything, byte for byte')
    .description(
      'Prints all keyspaces, or the one that is named, as lines of JSON that "varve load" turns into the same database.',
    )
    .argument('<directory>', 'the database')
    .addOption(keyspaceOption('only this keyspace; "" is the default one'))
    .addOption(memoryLimitOption())
    .addHelpText(
      'after',
      examples('varve dump ./data > data.dump', 'varve dump ./data --keyspace users | varve load ./copy'),
    )
    .action(dump)
}

async function dump(directory: string, options: DatabaseChoice): Promise<void> {
  const output = new Output()
  await withDatabase(directory, options, async (database) => {
    const names = options.keyspace === undefined ? ['', ...database.keyspaces()] : [options.keyspace]
    let entries = 0
    output.line(dumpHeaderLine)
    for (const name of names) {
      const keyspace = await existingKeyspace(database, name)
      output.line(keyspaceLine({ name, ...fixedEncodings(database, name) }))
      for await (const [key, value] of keyspace.range({})) {
        output.line(entryLine(key, value))
        entries++
        if (output.isFull) await output.flush()
      }
    }
    output.line(endLine(entries))
    await output.flush()
  })
}
