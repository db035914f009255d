/**
 * Two tabs have one database and write to it; the one that has the files goes (its page is closed, or its processes are killed), and the other one must take over: everything that either was told to be
 * written is there. Measures the longest time that the other one waited for an answer meanwhile. Every other time the tabs are cross-origin isolated, so that they read in the memory of their workers.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { build } from 'esbuild'
import { chromium, firefox, type BrowserContext, type Page } from 'playwright'
import {
  CHROMIUM,
  FIREFOX,
  FIREFOX_CONTEXT,
  FIREFOX_LAUNCH,
  ISOLATING,
  QUIET_FLAGS,
  requireBrowser,
} from '../support/browsers.ts'
import { mulberry32 } from '../support/random.ts'
import type { Tab } from './processes/tab.ts'
import { root } from './root.ts'
import { Violation } from './runner.ts'

/** Such a path has the page isolated. */
const ISOLATED = '/isolated'
const PAGE = '<!doctype html><title>takeover</title><script type="module" src="/tab.js"></script>'

export interface TakeoverBudget {
  readonly seed: number
  readonly seconds: number
  /** Ends after so many in each browser. */
  readonly kills?: number
  /** Asks for more steps than were acknowledged: a positive control. */
  readonly forget?: boolean
}

export interface TakeoverSummary {
  program: string
  seed: number
  kills: number
  acknowledged: number
  chromiumMedianMs: number
  chromiumSlowestMs: number
  firefoxMedianMs: number
  firefoxSlowestMs: number
}

/** @throws Violation with the command that repeats it */
export async function takeover(budget: TakeoverBudget): Promise<TakeoverSummary> {
  requireBrowser(CHROMIUM)
  requireBrowser(FIREFOX)
  const { seed, seconds, kills = 20, forget = false } = budget
  const random = mulberry32(seed)
  const server = await serve(await tabScript())
  const url = `http://localhost:${(server.address() as AddressInfo).port}/`
  const waited: Record<'chromium' | 'firefox', number[]> = { chromium: [], firefox: [] }
  let acknowledged = 0
  try {
    for (const browser of ['chromium', 'firefox'] as const) {
      const began = performance.now()
      await inBrowser(browser, async (context) => {
        while (waited[browser].length < kills && performance.now() - began < (seconds * 1000) / 2) {
          const path = waited[browser].length % 2 === 0 ? '/' : ISOLATED
          const round = await oneTakeover(context, new URL(path, url).href, 100 + random() * 300, forget)
          waited[browser].push(round.waitedMs)
          acknowledged += round.acknowledged
        }
      })
    }
  } catch (error) {
    const done = waited.chromium.length + waited.firefox.length
    const message = error instanceof Error ? error.message : String(error)
    throw new Violation(
      `after ${done} takeovers: ${message}\n  node test/torture/run.mjs takeover --seed ${seed}`,
      { cause: error },
    )
  } finally {
    server.close()
  }
  return {
    program: 'takeover',
    seed,
    kills: waited.chromium.length + waited.firefox.length,
    acknowledged,
    chromiumMedianMs: median(waited.chromium),
    chromiumSlowestMs: Math.max(...waited.chromium),
    firefoxMedianMs: median(waited.firefox),
    firefoxSlowestMs: Math.max(...waited.firefox),
  }
}

async function oneTakeover(
  context: BrowserContext,
  url: string,
  forMs: number,
  forget: boolean,
): Promise<{ waitedMs: number; acknowledged: number }> {
  const last = new Map<string, number>()
  const open = async (name: string): Promise<Page> => {
    const page = await context.newPage()
    await page.exposeFunction('told', (writer: string, step: number) => last.set(writer, step))
    await page.goto(url)
    await page.waitForFunction(() => 'tab' in globalThis)
    await page.evaluate((writer) => (globalThis as unknown as { tab: Tab }).tab.begin(writer), name)
    return page
  }
  const names = { first: `first ${Date.now()}`, second: `second ${Date.now()}` }
  const first = await open(names.first)
  const second = await open(names.second)
  await sleep(forMs)
  await first.close()
  await sleep(forMs)
  const result = await second.evaluate(() => (globalThis as unknown as { tab: Tab }).tab.end())
  let acknowledged = 0
  for (const name of [names.first, names.second]) {
    const steps = await second.evaluate(
      (writer) => (globalThis as unknown as { tab: Tab }).tab.stepsOf(writer),
      name,
    )
    const told = (last.get(name) ?? -1) + 1 + (forget && name === names.first ? 1_000_000 : 0)
    acknowledged += told
    if (steps < told) throw new Error(`${told} steps of ${name} were acknowledged, ${steps} are there`)
  }
  await second.evaluate(() => (globalThis as unknown as { tab: Tab }).tab.close())
  await second.close()
  return { waitedMs: result.longestMs, acknowledged }
}

async function inBrowser(
  name: 'chromium' | 'firefox',
  use: (context: BrowserContext) => Promise<void>,
): Promise<void> {
  if (name === 'firefox') {
    const browser = await firefox.launch(FIREFOX_LAUNCH)
    try {
      await use(await browser.newContext(FIREFOX_CONTEXT))
    } finally {
      await browser.close()
    }
    return
  }
  const profile = mkdtempSync(join(tmpdir(), 'varve-takeover-'))
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: CHROMIUM,
    args: [...QUIET_FLAGS],
  })
  try {
    await use(context)
  } finally {
    await context.close()
    rmSync(profile, { recursive: true, force: true, maxRetries: 10 })
  }
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? NaN
}

async function tabScript(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(root, 'test/torture/processes/tab.ts')],
    bundle: true,
    write: false,
    format: 'esm',
    target: 'es2022',
    logLevel: 'warning',
  })
  return outputFiles[0]?.text ?? ''
}

function serve(script: string): Promise<Server> {
  const server = createServer((request, response) => {
    const isScript = request.url === '/tab.js'
    if (request.url === ISOLATED)
      for (const [name, value] of Object.entries(ISOLATING)) response.setHeader(name, value)
    response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html')
    response.end(isScript ? script : PAGE)
  })
  return new Promise((resolve) => server.listen(0, 'localhost', () => resolve(server)))
}
