import { Command } from 'commander'
import { addCompact } from './commands/compact.ts'
import { addCount } from './commands/count.ts'
import { addDelete } from './commands/delete.ts'
import { addDump } from './commands/dump.ts'
import { addGet } from './commands/get.ts'
import { addImportLevel } from './commands/import-level.ts'
import { addLoad } from './commands/load.ts'
import { addPut } from './commands/put.ts'
import { addRepair } from './commands/repair.ts'
import { addScan } from './commands/scan.ts'
import { addStat } from './commands/stat.ts'
import { addVerify } from './commands/verify.ts'
import { sentenceOf } from './failure.ts'
import { examples } from './options.ts'

/** Replaced by the build with the version of package.json. */
declare const __VARVE_VERSION__: string

const exitCodeHelp = `
Exit codes:
  0  done
  1  not found: the key, the keyspace, the database or the input file
  2  wrong usage, input that cannot be read, or bytes that the chosen encoding cannot show
  3  locked: another process has the database open
  4  corrupt: a file is damaged, missing or of an unknown format version
  5  everything else
`

export function createProgram(): Command {
  const program = new Command('varve')
    .description(
      'Reads and writes varve databases. A database is a directory; one process opens it at a time.',
    )
    .version(__VARVE_VERSION__)
    .showHelpAfterError(false)
    .exitOverride()
    .configureOutput({
      outputError: (text, write) => write(`varve: ${sentenceOf(text.replace(/^error: /, ''))}\n`),
    })
    .addHelpText(
      'after',
      examples(
        'varve put ./data greeting hello --create',
        'varve get ./data greeting',
        'varve load ./data cities.csv --key id',
        'varve scan ./data --prefix IS/ --limit 5',
        'varve dump ./data | varve load ./copy',
      ) + exitCodeHelp,
    )
  const adders = [
    addGet,
    addPut,
    addDelete,
    addScan,
    addCount,
    addLoad,
    addImportLevel,
    addDump,
    addStat,
    addVerify,
    addRepair,
    addCompact,
  ]
  for (const add of adders) add(program)
  return program
}
