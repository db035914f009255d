/** A page as users build it, in both browsers, with the headers that isolate it and without. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { extname, join } from 'node:path'
import { brotliCompressSync } from 'node:zlib'
import { chromium, firefox, type Browser, type Page } from 'playwright'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { build } from 'esbuild'
import {
  CHROMIUM,
  FIREFOX,
  FIREFOX_CONTEXT,
  FIREFOX_LAUNCH,
  ISOLATING,
  QUIET_FLAGS,
  requireBrowser,
} from '../support/browsers.ts'
import { createProject, OUTPUTS } from './outputs.ts'

const TYPES: Readonly<Record<string, string>> = { '.html': 'text/html', '.js': 'text/javascript' }
/** What a page with nothing but `open` in it may take (docs/browser.md, "Size"). */
const BUNDLE_MAX_BYTES = 113_000

let directory: string
let server: Server
let site = ''
let headers: Record<string, string> = {}
let url: string
const browsers = new Map<string, Browser>()

beforeAll(async () => {
  requireBrowser(CHROMIUM)
  requireBrowser(FIREFOX)
  directory = mkdtempSync(join(tmpdir(), 'varve-bundlers-'))
  createProject(join(directory, 'project'))
  server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost')
    const path = join(site, pathname === '/' ? 'index.html' : pathname)
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
    response.setHeader('content-type', TYPES[extname(path)] ?? 'application/octet-stream')
    try {
      response.end(readFileSync(path))
    } catch {
      response.statusCode = 404
      response.end()
    }
  })
  await new Promise<void>((resolve) => server.listen(0, 'localhost', () => resolve()))
  url = `http://localhost:${(server.address() as AddressInfo).port}/`
  browsers.set('Chromium', await chromium.launch({ executablePath: CHROMIUM, args: [...QUIET_FLAGS] }))
  browsers.set('Firefox', await firefox.launch(FIREFOX_LAUNCH))
}, 60_000)

afterAll(async () => {
  for (const browser of browsers.values()) await browser.close()
  server.close()
  rmSync(directory, { recursive: true, force: true })
})

/** Uses a page of a browser, in a context of its own. */
async function onPage<T>(name: string, use: (page: Page) => Promise<T>): Promise<T> {
  const context = await browsers.get(name)?.newContext(name === 'Firefox' ? FIREFOX_CONTEXT : {})
  if (context === undefined) throw new Error(`${name} did not start`)
  try {
    return await use(await context.newPage())
  } finally {
    await context.close()
  }
}

/** What the page says. */
async function resultOf(page: Page): Promise<unknown> {
  await page.waitForFunction(() => 'result' in globalThis)
  return page.evaluate(() => (globalThis as unknown as { result: Promise<unknown> }).result)
}

describe.each(Object.keys(OUTPUTS))('%s', (output) => {
  beforeAll(async () => {
    site = join(directory, output)
    await OUTPUTS[output]?.(join(directory, 'project'), site)
  }, 60_000)

  it.each([
    ['Chromium', false],
    ['Chromium', true],
    ['Firefox', false],
    ['Firefox', true],
  ])(
    'in %s, isolated: %s',
    async (browser, isIsolated) => {
      headers = isIsolated ? ISOLATING : {}
      const result = await onPage(browser, async (page) => {
        await page.goto(url)
        return resultOf(page)
      })
      expect(result).toEqual({
        page: { from: 'page' },
        own: [
          ['k', { from: 'page' }],
          ['own', 1],
        ],
        // NOTE: memory is shared then, and what is in it needs no message.
        near: isIsolated,
        isIsolated,
      })
    },
    60_000,
  )
})

it('is small: what a page loads, kernel and worker inside', async () => {
  const { outputFiles } = await build({
    stdin: { contents: "import { open } from 'varve'; open('x')", resolveDir: join(directory, 'project') },
    bundle: true,
    minify: true,
    format: 'esm',
    write: false,
    outdir: directory,
  })
  const sizeBytes = brotliCompressSync(outputFiles[0]?.contents ?? '').byteLength
  console.log(`a page with varve: ${outputFiles[0]?.contents.byteLength} bytes, ${sizeBytes} with brotli`)
  expect(sizeBytes).toBeGreaterThan(10_000)
  expect(sizeBytes).toBeLessThan(BUNDLE_MAX_BYTES)
})

it.each(['Chromium', 'Firefox'])(
  'a page that is loaded again and again in %s finds what it wrote',
  async (browser) => {
    const loads = 10
    site = join(directory, 'unbundled')
    headers = {}
    await onPage(browser, async (page) => {
      await page.goto(`${url}reload.html`)
      for (let load = 0; load < loads; load++) {
        expect(await resultOf(page)).toEqual({ before: load, after: load + 1 })
        await page.reload()
      }
    })
  },
  60_000,
)

it.each([
  ['Chromium', false],
  ['Chromium', true],
  ['Firefox', false],
  ['Firefox', true],
])(
  'compactions in %s, isolated: %s, are written by a second worker if memory is shared',
  async (browser, isIsolated) => {
    site = join(directory, 'unbundled')
    headers = isIsolated ? ISOLATING : {}
    const result = await onPage(browser, async (page) => {
      await page.goto(`${url}helped.html`)
      return resultOf(page)
    })
    expect(result).toEqual({ built: isIsolated, right: true, problems: [], isIsolated })
  },
  60_000,
)
