import { mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { format, resolveConfig } from 'prettier'
import { drawn } from './report/drawing.mjs'
import { htmlOf } from './report/html.mjs'
import { readNotes } from './report/losses.mjs'
import { markdownOf } from './report/markdown.mjs'
import { reportOf, RESULTS } from './report/report.mjs'
import { reportedResult } from './results.mjs'

const PAGE = fileURLToPath(new URL('../docs/benchmarks.md', import.meta.url))
const PICTURES = 'images'
const PICTURE_WIDTH = 860
const HTML = fileURLToPath(new URL('../build/bench/report.html', import.meta.url))

/** Writes docs/benchmarks.md with its pictures, and build/bench/report.html, of what the suites left. @returns the pages */
export async function writeReport() {
  const blocks = reportOf(
    Object.fromEntries(RESULTS.map((name) => [name, reportedResult(name)])),
    readNotes(),
  )
  const folder = fileURLToPath(new URL(`../docs/${PICTURES}/`, import.meta.url))
  mkdirSync(folder, { recursive: true })
  for (const { name, plot } of blocks.filter(({ kind }) => kind === 'picture'))
    writeFileSync(`${folder}${name}.svg`, `${drawn(plot, PICTURE_WIDTH)}\n`)
  const config = await resolveConfig(PAGE)
  writeFileSync(PAGE, await format(markdownOf(blocks, PICTURES), { ...config, parser: 'markdown' }))
  mkdirSync(fileURLToPath(new URL('../build/bench/', import.meta.url)), { recursive: true })
  writeFileSync(HTML, htmlOf(blocks, drawn))
  return [PAGE, HTML]
}
