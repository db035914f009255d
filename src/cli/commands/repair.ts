import type { Command } from 'commander'
import { open, type SalvageReport } from '../../index.ts'
import { rawOptions } from '../database.ts'
import { whole } from '../figures.ts'
import { examples, memoryLimitOption, type DatabaseChoice } from '../options.ts'
import { Output } from '../output.ts'

interface RepairChoice extends DatabaseChoice {
  json?: true
}

export function addRepair(program: Command): void {
  program
    .command('repair')
    .summary('save what can be read of a damaged database')
    .description(
      'Reads every file; if any is damaged or missing, puts a sound database with everything that can be read in the place of the damaged one. The files as they were are kept in a directory in it.',
    )
    .argument('<directory>', 'the database')
    .option('--json', 'the result as one JSON object')
    .addOption(memoryLimitOption())
    .addHelpText('after', examples('varve repair ./data', 'varve repair ./data --json'))
    .action(repair)
}

async function repair(directory: string, options: RepairChoice): Promise<void> {
  const database = await open(directory, {
    ...rawOptions(options),
    recovery: 'salvage',
    createIfMissing: false,
  })
  const { salvage } = database.recovery
  await database.close()
  const output = new Output()
  if (options.json) output.line(JSON.stringify(salvage ?? null))
  else if (salvage === undefined) output.line('nothing is damaged; nothing was changed')
  else for (const line of linesOf(salvage)) output.line(line)
  await output.flush()
}

function linesOf({ losses, keptIn, recoveredEntries, mayBeOld }: SalvageReport): string[] {
  const lines = losses.map(({ file, offset, bytes, entries, reason }) => {
    if (entries !== undefined) return `${file}: ${whole(entries)} entries are lost`
    return `${file}${bytes === 0 ? '' : `, offset ${offset}, ${whole(bytes)} bytes`}: ${reason}`
  })
  lines.push(`repaired: ${whole(recoveredEntries)} entries were taken out of damaged files`)
  if (mayBeOld) lines.push('deleted entries may be back, and older values in the place of lost ones')
  lines.push(`the files as they were are in ${keptIn}; remove it when you do not need them`)
  return lines
}
