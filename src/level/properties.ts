import type { DatabaseStats } from '../index.ts'

const PREFIX = 'leveldb.'
const FILES_AT_LEVEL = 'num-files-at-level'

/** The value of one of LevelDB's properties, made of the engine's figures; '' for one there is none of. */
export function propertyOf(stats: DatabaseStats, property: string): string {
  if (!property.startsWith(PREFIX)) return ''
  const name = property.slice(PREFIX.length)
  const levels = stats.keyspaces[0]?.levels ?? []
  if (name.startsWith(FILES_AT_LEVEL)) {
    const level = name.slice(FILES_AT_LEVEL.length)
    if (!/^[0-6]$/.test(level)) return ''
    return String(levels.find((one) => one.level === Number(level))?.tables ?? 0)
  }
  if (name === 'approximate-memory-usage') return String(stats.memoryLimit - stats.memoryFreeBytes)
  if (name === 'stats') return levelTable(stats)
  return ''
}

/** A line for each level that has tables, in the manner of LevelDB. */
function levelTable(stats: DatabaseStats): string {
  const [keyspace] = stats.keyspaces
  const rows = (keyspace?.levels ?? []).map(({ level, tables, bytes, entries }) =>
    [level, tables, (bytes / 1048576).toFixed(1), entries].map((cell) => String(cell).padStart(10)).join(''),
  )
  const head = ['Level', 'Files', 'Size(MB)', 'Entries'].map((cell) => cell.padStart(10)).join('')
  return [head, '-'.repeat(head.length), ...rows, ''].join('\n')
}
