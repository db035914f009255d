/**
 * T20: kills browsers, and renderers of browsers that live on, while a worker writes to its database in the origin private file system. What the worker had acknowledged
 * before this process killed it must be there when the page is opened again.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { build } from 'esbuild'
import { chromium, type Browser, type Page } from 'playwright'
import { CHROMIUM, QUIET_FLAGS, requireBrowser } from '../support/browsers.ts'
import { mulberry32 } from '../support/random.ts'
import type { Told } from './processes/browser-writer.ts'
import { root } from './root.ts'
import { Violation } from './runner.ts'

const FLAGS = ['--headless=new', '--remote-debugging-port=0', ...QUIET_FLAGS]
/** Nothing is heard from a page for longer than this: it hangs. */
const PATIENCE_MS = 30_000
const PAGE = `<!doctype html><title>killed</title><script>
const worker = new Worker('writer.js')
worker.onmessage = ({ data }) => told(data)
worker.onerror = ({ message }) => told({ violation: message })
start = (acknowledged) => worker.postMessage(acknowledged)
</script>`

export interface BrowserBudget {
  readonly seed: number
  readonly seconds: number
  /** Ends after so many, if that is sooner. */
  readonly kills?: number
  /** Asks for one step more than was acknowledged: a positive control. */
  readonly forget?: boolean
}

export interface BrowserSummary {
  program: string
  seed: number
  seconds: number
  kills: number
  browsers: number
  renderers: number
  acknowledged: number
}

/** @throws Violation with the command that repeats it */
export async function browser(budget: BrowserBudget): Promise<BrowserSummary> {
  requireBrowser(CHROMIUM)
  const began = performance.now()
  const { seed, seconds, kills = Infinity } = budget
  const random = mulberry32(seed)
  const summary = {
    program: 'browser',
    seed,
    seconds: 0,
    kills: 0,
    browsers: 0,
    renderers: 0,
    acknowledged: 0,
  }
  const profile = mkdtempSync(join(tmpdir(), 'varve-browser-'))
  const server = await serve(await writerScript())
  const url = `http://localhost:${(server.address() as AddressInfo).port}/`
  let running: RunningBrowser | undefined
  let acknowledged = -1
  try {
    while (summary.kills < kills && performance.now() - began < seconds * 1000) {
      running ??= await RunningBrowser.start(profile)
      const oracle = budget.forget === true ? acknowledged + 1 : acknowledged
      acknowledged = await running.write(url, oracle, 20 + Math.floor(random() * 400))
      if (random() < 0.5) {
        await running.kill()
        running = undefined
        summary.browsers++
      } else {
        await running.killRenderers()
        summary.renderers++
      }
      summary.kills++
    }
    running ??= await RunningBrowser.start(profile)
    acknowledged = await running.write(url, acknowledged, 0)
    summary.acknowledged = acknowledged + 1
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    throw new Violation(
      `after ${summary.kills} kills: ${message}\n  node test/torture/run.mjs browser --seed ${seed} --kills ${summary.kills + 1}`,
      { cause: error },
    )
  } finally {
    await running?.kill()
    server.close()
    rmSync(profile, { recursive: true, force: true, maxRetries: 10 })
  }
  summary.seconds = (performance.now() - began) / 1000
  return summary
}

/** One browser process with its children, in a group of their own. */
class RunningBrowser {
  readonly #process: ChildProcess
  readonly #browser: Browser

  private constructor(process: ChildProcess, browser: Browser) {
    this.#process = process
    this.#browser = browser
  }

  static async start(profile: string): Promise<RunningBrowser> {
    const args = [...FLAGS, `--user-data-dir=${profile}`, 'about:blank']
    const started = spawn(CHROMIUM, args, { detached: true, stdio: ['ignore', 'ignore', 'pipe'] })
    try {
      return new RunningBrowser(started, await chromium.connectOverCDP(await endpointOf(started)))
    } catch (error) {
      killGroup(started)
      throw error
    }
  }

  /** Opens the page, has it check what was acknowledged, and lets it write. @returns the step acknowledged last, as far as was heard of it */
  async write(url: string, acknowledged: number, forMs: number): Promise<number> {
    const page = await this.#browser.contexts()[0]?.newPage()
    if (page === undefined) throw new Error('the browser has no context')
    let last = acknowledged
    let from: number | undefined
    let violation: string | undefined
    await page.exposeFunction('told', (told: Told) => {
      violation ??= told.violation
      from ??= told.from
      if (told.acknowledged !== undefined) last = told.acknowledged
    })
    await page.goto(url)
    await start(page, acknowledged)
    const began = performance.now()
    while (from === undefined && violation === undefined) {
      if (performance.now() - began > PATIENCE_MS) throw new Error('the page says nothing')
      await sleep(5)
    }
    if (violation === undefined) await sleep(forMs)
    if (violation !== undefined) throw new Error(violation)
    return last
  }

  /** Kills the processes in which pages and their workers run. */
  async killRenderers(): Promise<void> {
    const pids = renderersOf(this.#process.pid ?? 0)
    if (pids.length === 0) throw new Error('no renderer was found')
    for (const pid of pids) killProcess(pid)
    for (const page of this.#browser.contexts()[0]?.pages() ?? []) await page.close().catch(() => {})
  }

  async kill(): Promise<void> {
    const ended = new Promise<void>((resolve) => this.#process.once('exit', () => resolve()))
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      killGroup(this.#process)
      await ended
    }
    await this.#browser.close().catch(() => {})
  }
}

function start(page: Page, acknowledged: number): Promise<void> {
  return page.evaluate((step) => {
    ;(globalThis as unknown as { start(step: number): void }).start(step)
  }, acknowledged)
}

function endpointOf(started: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = ''
    const timer = setTimeout(() => reject(new Error(`the browser did not start: ${said}`)), PATIENCE_MS)
    started.stderr?.on('data', (data: Buffer) => {
      said += data.toString()
      const endpoint = /DevTools listening on (ws:\S+)/.exec(said)?.[1]
      if (endpoint === undefined) return
      clearTimeout(timer)
      resolve(endpoint)
    })
    started.once('exit', (code) => reject(new Error(`the browser ended with ${code}: ${said}`)))
  })
}

/** Of a group of processes, those in which pages run. */
function renderersOf(group: number): number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return pids.map(Number).filter((pid) => {
    try {
      // NOTE: behind the name of the program, which may hold anything: state, parent, group.
      const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
      return (
        Number(fields[2]) === group &&
        readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('--type=renderer')
      )
    } catch {
      // It has ended meanwhile.
      return false
    }
  })
}

function killGroup({ pid }: ChildProcess): void {
  if (pid !== undefined) killProcess(-pid)
}

function killProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended already.
  }
}

async function writerScript(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(root, 'test/torture/processes/browser-writer.ts')],
    bundle: true,
    write: false,
    format: 'iife',
    target: 'es2022',
    logLevel: 'warning',
  })
  return outputFiles[0]?.text ?? ''
}

function serve(script: string): Promise<Server> {
  const server = createServer((request, response) => {
    const isScript = request.url === '/writer.js'
    response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html')
    response.end(isScript ? script : PAGE)
  })
  return new Promise((resolve) => server.listen(0, 'localhost', () => resolve(server)))
}
