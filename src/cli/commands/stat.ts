import Table from 'cli-table3'
import type { Command } from 'commander'
import type { DatabaseStats, KeyspaceStats } from '../../index.ts'
import { existingKeyspace, withDatabase } from '../database.ts'
import { binarySize, whole } from '../figures.ts'
import { examples, keyspaceOption, memoryLimitOption, type DatabaseChoice } from '../options.ts'
import { Output } from '../output.ts'

interface StatChoice extends DatabaseChoice {
  json?: true
}

export function addStat(program: Command): void {
  program
    .command('stat')
    .summary('show sizes and counters')
    .description('Shows what the database holds: tables, memtables and journals, and what was recovered.')
    .argument('<directory>', 'the database')
    .option('--json', 'the same as one JSON object')
    .addOption(keyspaceOption('only this keyspace'))
    .addOption(memoryLimitOption())
    .addHelpText('after', examples('varve stat ./data', 'varve stat ./data --json'))
    .action(stat)
}

async function stat(directory: string, options: StatChoice): Promise<void> {
  const output = new Output()
  await withDatabase(directory, options, async (database) => {
    const all = database.stats()
    const keyspaces =
      options.keyspace === undefined
        ? all.keyspaces
        : all.keyspaces.filter(({ name }) => name === options.keyspace)
    if (options.keyspace !== undefined) await existingKeyspace(database, options.keyspace)
    const stats = { ...all, keyspaces }
    if (options.json) {
      output.line(JSON.stringify({ ...stats, recovery: database.recovery }))
    } else {
      output.line(keyspaceTable(stats.keyspaces))
      output.line(levelTable(stats.keyspaces))
      output.line(databaseTable(stats))
    }
    await output.flush()
  })
}

function keyspaceTable(keyspaces: readonly KeyspaceStats[]): string {
  const columns = ['keyspace', 'tables', 'entries', 'size', 'memtables', 'entries', 'size']
  const table = plainTable(
    columns,
    columns.map((_column, at) => (at === 0 ? 'left' : 'right')),
  )
  for (const keyspace of keyspaces) {
    table.push([
      keyspace.name === '' ? '(default)' : keyspace.name,
      whole(keyspace.tables),
      whole(keyspace.tableEntries),
      binarySize(keyspace.tableBytes),
      whole(keyspace.memtables),
      whole(keyspace.memtableEntries),
      binarySize(keyspace.memtableBytes),
    ])
  }
  return table.toString()
}

function levelTable(keyspaces: readonly KeyspaceStats[]): string {
  const columns = ['keyspace', 'level', 'runs', 'tables', 'entries', 'tombstones', 'size', 'score']
  const table = plainTable(
    columns,
    columns.map((_column, at) => (at === 0 ? 'left' : 'right')),
  )
  for (const { name, levels } of keyspaces) {
    for (const level of levels) {
      table.push([
        name === '' ? '(default)' : name,
        String(level.level),
        whole(level.runs),
        whole(level.tables),
        whole(level.entries),
        whole(level.tombstones),
        binarySize(level.bytes),
        level.score.toFixed(2),
      ])
    }
  }
  return table.toString()
}

function databaseTable(stats: DatabaseStats): string {
  const table = plainTable(['database', ''], ['left', 'right'])
  table.push(
    ['journals', whole(stats.journals)],
    ['journal size', binarySize(stats.journalBytes)],
    ['next sequence number', whole(stats.seqno)],
    ['epoch', whole(stats.epoch)],
    ['memory limit', binarySize(stats.memoryLimit)],
    ['memory free', binarySize(stats.memoryFreeBytes)],
    ['block cache', binarySize(stats.cache.bytes)],
  )
  const oldest = stats.openSnapshots[0]
  if (oldest !== undefined) {
    table.push(
      ['open snapshots', whole(stats.openSnapshots.length)],
      ['oldest snapshot', `${(oldest.ageMs / 1000).toFixed(1)} s`],
    )
  }
  return table.toString()
}

function plainTable(head: string[], colAligns: ('left' | 'right')[]): Table.Table {
  return new Table({ head, colAligns, style: { head: [], border: [], compact: true } })
}
