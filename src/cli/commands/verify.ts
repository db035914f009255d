import type { Command } from 'commander'
import { withDatabase } from '../database.ts'
import { corruptFound } from '../failure.ts'
import { whole } from '../figures.ts'
import { examples, memoryLimitOption, type DatabaseChoice } from '../options.ts'
import { Output } from '../output.ts'
import { ByteProgress } from '../progress.ts'

interface VerifyChoice extends DatabaseChoice {
  json?: true
}

export function addVerify(program: Command): void {
  program
    .command('verify')
    .summary('check all files')
    .description(
      'Reads every file of the database and checks it: checksums, order, indexes, filters, counts. Nothing is changed.',
    )
    .argument('<directory>', 'the database')
    .option('--json', 'the result as one JSON object')
    .addOption(memoryLimitOption())
    .addHelpText('after', examples('varve verify ./data', 'varve verify ./data --json'))
    .action(verify)
}

async function verify(directory: string, options: VerifyChoice): Promise<void> {
  const output = new Output()
  const progress = new ByteProgress('verifying')
  const report = await withDatabase(directory, options, (database) =>
    database.verify({ onProgress: progress.show }).finally(() => progress.stop()),
  )
  const { files, tables, blocks, entries, problems } = report
  if (options.json) output.line(JSON.stringify(report))
  else {
    for (const { message } of problems) output.line(message)
    const what = `${whole(files)} files, ${whole(tables)} tables, ${whole(blocks)} blocks, ${whole(entries)} entries`
    output.line(problems.length === 0 ? `ok: ${what}` : `${what}: ${whole(problems.length)} problems`)
  }
  await output.flush()
  if (problems.length > 0) throw corruptFound(problems.length)
}
