import { realpath } from 'node:fs/promises'
import type { Command } from 'commander'
import { loadClassicLevel } from '../classic-level.ts'
import { closeQuietly, openDatabase, rawKeyspace, type RawDatabase, type RawKeyspace } from '../database.ts'
import { usage } from '../failure.ts'
import { whole } from '../figures.ts'
import { LevelSource } from '../level-source.ts'
import { examples, keyspaceOption, memoryLimitOption, type DatabaseChoice } from '../options.ts'
import { LoadProgress, withCountBefore } from '../progress.ts'

type Entries = Awaited<ReturnType<LevelSource['next']>>

const description = [
  'Copies a LevelDB database, as the packages classic-level and level write it, entry by entry and byte for byte; ' +
    'creates the database and the keyspace, which must be empty.',
  'The package classic-level must be installed, in the current directory or beside varve: npm install classic-level.',
  'Close the source everywhere else first. It stays as it is, but for what LevelDB itself does on opening a ' +
    'database: it may recover its log into a table, and writes its LOG anew.',
  'The names of sublevels are part of the keys and come along. No encodings are fixed: open the copy with those that ' +
    'the source was written with.',
  'Entries are committed 1,000 or 1 MB at a time. What was committed before a failure stays and is counted in the ' +
    'message.',
  'LevelDB does not check the checksums of what it reads: damage that it does not notice is copied as it is. Some it ' +
    'reports only when all was read: then the copy may lack entries anywhere.',
].join('\n\n')

export function addImportLevel(program: Command): void {
  program
    .command('import-level')
    .summary('copy a LevelDB database (classic-level)')
    .description(description)
    .argument('<source>', 'the directory of the LevelDB database')
    .argument('<directory>', 'the database')
    .addOption(keyspaceOption('keyspace to import into instead of the default one'))
    .addOption(memoryLimitOption())
    .addHelpText(
      'after',
      examples('varve import-level ./old ./data', 'varve import-level ./old ./data --keyspace old'),
    )
    .action(importLevel)
}

async function importLevel(
  sourceDirectory: string,
  directory: string,
  options: DatabaseChoice,
): Promise<void> {
  const classicLevel = await loadClassicLevel()
  if (await isSame(sourceDirectory, directory)) {
    throw usage('The source cannot be the target too; name another directory.')
  }
  const source = await LevelSource.open(classicLevel, sourceDirectory)
  reportDropped(sourceDirectory, source)
  const progress = new LoadProgress(undefined)
  try {
    // The first entries are read before anything is created.
    const first = await source.next()
    await copyInto(directory, options, first, source, progress)
  } catch (error) {
    throw withCountBefore(error, progress.entries, 'imported')
  } finally {
    progress.stop()
    await closeQuietly(source)
  }
  process.stderr.write(`varve: imported ${progress.summaryOfBytes()}.\n`)
}

async function copyInto(
  directory: string,
  options: DatabaseChoice,
  first: Entries,
  source: LevelSource,
  progress: LoadProgress,
): Promise<void> {
  const database = await openDatabase(directory, options, true)
  try {
    const keyspace = await rawKeyspace(database, options.keyspace ?? '')
    if (!(await keyspace.isEmpty())) {
      throw usage(
        `${directory} already has entries; import into a new directory or, with --keyspace, a new keyspace.`,
      )
    }
    for (let entries = first; entries.length > 0; entries = await source.next()) {
      await commitEntries(database, keyspace, entries, progress)
    }
    await database.persist('sync')
  } catch (error) {
    // The first failure is the one to report.
    await closeQuietly(database)
    throw error
  }
  await database.close()
}

async function commitEntries(
  database: RawDatabase,
  keyspace: RawKeyspace,
  entries: Entries,
  progress: LoadProgress,
): Promise<void> {
  const batch = database.batch()
  for (const [key, value] of entries) {
    try {
      batch.put(keyspace, key, value)
    } catch (error) {
      // A key or value that is too long: the entry is at fault, not the program.
      if (!(error instanceof RangeError)) throw error
      throw usage(`Entry ${whole(progress.entries + batch.length + 1)}: ${error.message}.`, error)
    }
    progress.read(key.length + value.length)
  }
  await batch.commit()
  progress.loaded(entries.length)
}

function reportDropped(directory: string, { droppedBytes }: LevelSource): void {
  if (droppedBytes === 0) return
  const what = `LevelDB dropped ${whole(droppedBytes)} damaged bytes of its log when it opened ${directory}`
  process.stderr.write(`varve: ${what}; the entries in them are lost.\n`)
}

async function isSame(one: string, other: string): Promise<boolean> {
  const [first, second] = await Promise.all([one, other].map((path) => realpath(path).catch(() => undefined)))
  return first !== undefined && first === second
}
