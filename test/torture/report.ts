/** Makes docs/reliability.md from the summaries of the programs: npm run torture -- report. */
import { readFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { format, resolveConfig } from 'prettier'
import type { Program } from './programs.mjs'
import { type ColumnRun, reliabilityMarkdown } from './report/markdown.ts'
import type { StoredSummary } from './report/rows.ts'

const SUFFIX = '.summary.json'
const COLUMNS = ['short.json', 'long.json']

/** `folder`: where run.mjs leaves its summaries. `file`: the page. */
export async function writeReport(options: {
  readonly programs: readonly Program[]
  readonly folder: string
  readonly file: string
}): Promise<void> {
  const { programs, folder, file } = options
  const summaries = new Map<string, StoredSummary>()
  const columns: ColumnRun[] = []
  for (const name of (await readdir(folder)).sort()) {
    const read = async (): Promise<unknown> => JSON.parse(await readFile(join(folder, name), 'utf8'))
    if (name.endsWith(SUFFIX)) summaries.set(name.slice(0, -SUFFIX.length), (await read()) as StoredSummary)
    if (COLUMNS.includes(name)) columns.push((await read()) as ColumnRun)
  }
  const markdown = reliabilityMarkdown({ programs, summaries, columns })
  const config = await resolveConfig(file)
  await writeFile(file, await format(markdown, { ...config, parser: 'markdown' }))
}
