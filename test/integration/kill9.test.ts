/**
 * kill -9 at random moments loses nothing that was acknowledged under `os`, tears no batch, leaves no hole: a real process on a
 * real directory, killed while it writes, opens or closes; then its database is opened here and compared with the model.
 */
import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build } from 'esbuild'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { open } from '../../src/index.ts'
import { type Bytes, type Contents, type Operation, Model } from '../model.ts'
import { mulberry32, pick } from '../support/random.ts'
import { readAll } from '../torture/verify.ts'
import { type PlannedStep, writesOf } from './kill9-steps.ts'

const kills = Number(process.env['VARVE_KILLS'] ?? 30)
const seed = Number(process.env['VARVE_SEED'] ?? Date.now() % 1_000_000)
const random = mulberry32(seed)
const library = pathToFileURL('dist/index.js').href
const childFile = 'build/test/kill9-child.mjs'
let root = ''

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'varve-kill9-'))
  await mkdir('build/test', { recursive: true })
  await build({
    entryPoints: ['test/integration/kill9-child.ts'],
    bundle: true,
    platform: 'node',
    format: 'esm',
    outfile: childFile,
    logLevel: 'warning',
  })
})

afterAll(() => rm(root, { recursive: true, force: true }))

type When = 'opening' | 'open' | 'closing'

interface Death {
  /** What the child did, commit by commit: the kind of step that made each. */
  readonly issued: readonly PlannedStep['do'][]
  readonly acknowledged: number
  readonly opened: boolean
}

/** Starts a child that continues behind commit number `first`; kills it some milliseconds after it says `when`. */
async function runAndKill(
  directory: string,
  first: number,
  steps: number,
  when: When,
  afterMs: number,
): Promise<Death> {
  const child = spawn(
    process.execPath,
    [childFile, library, directory, ...[seed, first, steps].map(String)],
    {
      stdio: ['ignore', 'inherit', 'pipe', 'pipe'],
    },
  )
  let text = ''
  let complaint = ''
  let scheduled = false
  child.stderr?.on('data', (data: Buffer) => (complaint += data.toString()))
  child.stdio[3]?.on('data', (data: Buffer) => {
    text += data.toString()
    if (scheduled || !`\n${text}`.includes(`\n${when}\n`)) return
    scheduled = true
    if (afterMs === 0) child.kill('SIGKILL')
    else setTimeout(() => child.kill('SIGKILL'), afterMs)
  })
  const [code, signal] = await new Promise<[number | null, string | null]>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (exitCode, exitSignal) => resolve([exitCode, exitSignal]))
  })
  if (signal !== 'SIGKILL' && code !== 0) throw new Error(`the child failed (${code}): ${complaint}`)
  const lines = text.split('\n')
  // NOTE: the last line may be cut off; then the write it announces has not begun.
  lines.pop()
  const issued: PlannedStep['do'][] = []
  let acknowledged = 0
  for (const line of lines) {
    const [letter, number, kind, commits] = line.split(' ')
    if (letter === 'A') acknowledged = Number(number) - first
    if (letter !== 'I') continue
    for (let i = Number(commits); i > 0; i--) issued.push(kind as PlannedStep['do'])
  }
  return { issued, acknowledged, opened: lines.includes('open') }
}

const encode = (text: string): Bytes => new TextEncoder().encode(text)
const otherKeyspace = 1

/** A model that holds `contents`, all of it durable. */
function modelOf(contents: Contents): { model: Model; base: number } {
  const model = new Model()
  const ids = new Map([['', 0]])
  for (const name of contents.keys()) if (name !== '') ids.set(name, model.createKeyspace(name))
  model.acknowledgeLayout()
  const operations = [...contents].flatMap(([name, entries]) =>
    entries.map(([key, value]): Operation => ({ type: 'put', keyspace: ids.get(name) ?? 0, key, value })),
  )
  model.commit(operations)
  model.acknowledge('sync')
  return { model, base: model.commits }
}

it(`survives ${kills} kills (seed ${seed})`, { timeout: 40_000 + kills * 3000 }, async () => {
  let done = 0
  let acknowledged = 0
  const moments: Record<When, number> = { opening: 0, open: 0, closing: 0 }
  for (let round = 0; done < kills; round++) {
    const directory = join(root, `database-${round}`)
    let contents: Contents = new Map([['', []]])
    let commits = 0
    // A database dies several times in its life.
    for (let life = 0; life < 6 && done < kills; life++) {
      const { model, base } = modelOf(contents)
      if (!model.layout.has('other')) model.createKeyspace('other')
      const choice = random()
      const when: When = choice < 0.1 ? 'opening' : choice < 0.2 ? 'closing' : 'open'
      const death = await runAndKill(
        directory,
        commits,
        when === 'closing' ? 1 + pick(random, 500) : 1_000_000,
        when,
        pick(random, when === 'open' ? 250 : 12),
      )
      for (const [i, kind] of death.issued.entries()) {
        model.commit(writesOf(seed, commits + i + 1, kind).map(operationOf))
      }
      if (death.opened) model.acknowledgeLayout()
      if (death.acknowledged > 0) model.acknowledge('os', base + death.acknowledged)
      acknowledged += death.acknowledged
      moments[when]++
      done++
      // Sometimes the next process dies while it recovers what this one left.
      if (random() < 0.25) {
        await runAndKill(directory, commits, 0, 'opening', pick(random, 12))
        moments.opening++
        done++
      }
      const database = await open(directory, { memoryLimit: 16 * 1024 * 1024 })
      contents = await readAll(database)
      await database.close()
      const bounds = model.bounds()
      const position = model.matching(contents, bounds, 'kill')
      const what = `database ${round}, life ${life}, killed after '${when}', commits ${JSON.stringify(bounds.commits)}`
      expect(position, what).toBeDefined()
      commits += (position?.commits ?? 0) - base
    }
  }
  expect(acknowledged).toBeGreaterThan(kills)
  console.log(JSON.stringify({ kills: done, ...moments, acknowledged, seed }))
})

function operationOf({ keyspace, key, value }: ReturnType<typeof writesOf>[number]): Operation {
  const to = { keyspace: keyspace === '' ? 0 : otherKeyspace, key: encode(key) }
  return value === undefined ? { type: 'delete', ...to } : { type: 'put', ...to, value: encode(value) }
}
