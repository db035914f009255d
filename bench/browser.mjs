import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { extname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { chromium } from 'playwright'
import { CHROMIUM, ISOLATING, QUIET_FLAGS } from '../scripts/browsers.mjs'
import { printBrowsers, verdictsOf } from './browser/verdicts.mjs'

const HERE = fileURLToPath(new URL('browser/', import.meta.url))
const SQLITE = fileURLToPath(new URL('node_modules/@sqlite.org/sqlite-wasm/dist/', import.meta.url))
const TYPES = { '.js': 'text/javascript', '.mjs': 'text/javascript', '.wasm': 'application/wasm' }
const PAGE = '<!doctype html><title>bench</title><script type="module" src="/run.js"></script>'

const SETTLE_MS = 500

const ENGINES = ['varve', 'IndexedDB', 'browser-level', 'SQLite']
/** Where it is measured: by which call, and from which path the page is loaded. */
const SCOPES = {
  page: { call: 'measureHere', path: '/' },
  isolated: { call: 'measureHere', path: '/isolated' },
  worker: { call: 'measureInWorker', path: '/' },
}

/**
 * varve and what else a page can store entries in: 100,000 of 16+100 B in Chromium, on a page, on one that is cross-origin isolated, and in a worker. Engines take turns in one browser; each has a page of its own, which is new
 * again for the time to the first answer.
 */
export async function run({ rounds }) {
  const { server, url } = await serve(await bundled())
  const profile = mkdtempSync(join(tmpdir(), 'varve-bench-browser-'))
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: CHROMIUM,
    headless: true,
    args: QUIET_FLAGS,
  })
  const runs = { page: {}, isolated: {}, worker: {} }
  let durabilities = {}
  try {
    for (let round = 0; round < rounds; round++) {
      for (const [scope, { call, path }] of Object.entries(SCOPES)) {
        const address = new URL(path, url).href
        for (const engine of ENGINES) {
          const { figures, durability } = await onPage(context, address, call, 'measure', engine)
          const { openMs } = await onPage(context, address, call, 'firstOpen', engine)
          const found = (runs[scope][engine] ??= [])
          found.push({ ...figures, 'first answer of a new page, ms': openMs })
          durabilities = { ...durabilities, [engine]: durability }
        }
      }
    }
    const version = context.browser()?.version()
    const result = { browser: `Chromium ${version}`, durabilities, scopes: verdictsOf(runs) }
    printBrowsers(result, rounds)
    return result
  } finally {
    await context.close()
    server.close()
    rmSync(profile, { recursive: true, force: true, maxRetries: 10 })
  }
}

async function onPage(context, url, call, step, engine) {
  const page = await context.newPage()
  try {
    await page.goto(url)
    await page.waitForFunction((name) => globalThis[name] !== undefined, call)
    return await page.evaluate(([name, ...args]) => globalThis[name](...args), [call, step, engine])
  } finally {
    await page.close()
    // NOTE: what its workers had open is free a moment later, and the next page must not wait for that.
    await sleep(SETTLE_MS)
  }
}

/** The scripts by their paths. Engines are files of their own: who wants one loads that one. */
async function bundled() {
  const { outputFiles } = await build({
    entryPoints: [join(HERE, 'run.mjs'), join(HERE, 'sqlite-worker.mjs')],
    bundle: true,
    minify: true,
    splitting: true,
    write: false,
    outdir: '/',
    format: 'esm',
    target: 'es2022',
    external: ['/sqlite/*'],
    logLevel: 'warning',
  })
  return new Map(outputFiles.map(({ path, contents }) => [path, contents]))
}

function serve(scripts) {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url, 'http://localhost')
    response.setHeader('content-type', TYPES[extname(pathname)] ?? 'text/html')
    // NOTE: scripts are fetched by pages of both kinds, and a worker of an isolated one needs them, too.
    if (pathname !== '/')
      for (const [name, value] of Object.entries(ISOLATING)) response.setHeader(name, value)
    const file = /^\/sqlite\/([\w.-]+)$/.exec(pathname)?.[1]
    if (file !== undefined) return response.end(readFileSync(join(SQLITE, file)))
    response.end(scripts.get(pathname) ?? PAGE)
  })
  return new Promise((resolve) =>
    server.listen(0, 'localhost', () =>
      resolve({ server, url: `http://localhost:${server.address().port}/` }),
    ),
  )
}
