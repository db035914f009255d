import type { Command } from 'commander'
import { existingKeyspace, withDatabase } from '../database.ts'
import { examples, keyspaceOption, memoryLimitOption, type DatabaseChoice } from '../options.ts'
import { Output } from '../output.ts'
import { ByteProgress } from '../progress.ts'

export function addCompact(program: Command): void {
  program
    .command('compact')
    .summary('merge tables and give space back')
    .description(
      'Merges all tables of the database, or of one keyspace: what was overwritten or deleted gives its space back.',
    )
    .argument('<directory>', 'the database')
    .addOption(keyspaceOption('only this keyspace'))
    .addOption(memoryLimitOption())
    .addHelpText('after', examples('varve compact ./data', 'varve compact ./data --keyspace users'))
    .action(compact)
}

async function compact(directory: string, options: DatabaseChoice): Promise<void> {
  const output = new Output()
  const progress = new ByteProgress('compacting')
  await withDatabase(directory, options, async (database) => {
    const target =
      options.keyspace === undefined ? database : await existingKeyspace(database, options.keyspace)
    const bytes = (): number =>
      database.stats().keyspaces.reduce((sum, { tableBytes }) => sum + tableBytes, 0)
    await target.flush()
    const before = bytes()
    await target.compact({ onProgress: progress.show }).finally(() => progress.stop())
    output.line(
      `${before.toLocaleString('en-US')} bytes in tables before, ${bytes().toLocaleString('en-US')} after`,
    )
    await output.flush()
  })
}
