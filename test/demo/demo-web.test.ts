/** The demo in both browsers, as a visitor uses it: with the keyboard, on a telephone, without a network. */
import type { Server } from 'node:http'
import { chromium, firefox, type Browser, type BrowserContext, type Page } from 'playwright'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { serveDemo } from '../../scripts/demo-web/server.mjs'
import {
  CHROMIUM,
  FIREFOX,
  FIREFOX_CONTEXT,
  FIREFOX_LAUNCH,
  QUIET_FLAGS,
  requireBrowser,
} from '../support/browsers.ts'

const LOADING_MS = 120_000

let server: Server
let url: string

beforeAll(async () => {
  requireBrowser(CHROMIUM)
  requireBrowser(FIREFOX)
  ;({ server, url } = await serveDemo(0))
})

afterAll(() => void server.close())

async function ready(page: Page): Promise<string> {
  await page.waitForFunction(
    () => document.querySelector('#search:enabled') !== null || document.querySelector('.bad') !== null,
    undefined,
    { timeout: LOADING_MS },
  )
  return (await page.textContent('#status')) ?? ''
}

async function search(page: Page, text: string): Promise<string[]> {
  await page.fill('#search', text)
  await page.waitForFunction((wanted) => {
    const rows = [...document.querySelectorAll('#results li')]
    return rows.length > 0 && rows.every((row) => row.textContent?.toLowerCase().startsWith(wanted))
  }, text)
  return page.locator('#results li').allTextContents()
}

describe('the demo in Chromium', () => {
  let browser: Browser
  let context: BrowserContext
  let page: Page

  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: CHROMIUM, args: [...QUIET_FLAGS] })
    context = await browser.newContext({ viewport: { width: 1100, height: 800 } })
    page = await context.newPage()
    await page.goto(url)
    expect(await ready(page)).toMatch(/cities loaded/)
  }, LOADING_MS)

  afterAll(() => browser.close())

  it('searches as one types, and goes through what it found by keys', async () => {
    expect((await search(page, 'reykj'))[0]).toMatch(/^Reykj/)
    await page.press('#search', 'ArrowDown')
    expect(await page.locator('#results li[aria-selected=true]').count()).toBe(1)
    await page.press('#search', 'Escape')
    expect(await page.inputValue('#search')).toBe('')
  })

  it('shows how the engine stands, and what it does', async () => {
    await page.click('#churn')
    await page.waitForFunction(() =>
      /notes written/.test(document.querySelector('#status')?.textContent ?? ''),
    )
    await page.click('#compact')
    await page.waitForFunction(() =>
      /^Compacted in/.test(document.querySelector('#status')?.textContent ?? ''),
    )
    expect(await page.textContent('#figures')).toMatch(/levels, tables\d/)
    await page.waitForFunction(() =>
      /level \d/.test(document.querySelector('#tree-caption')?.textContent ?? ''),
    )
  })

  it('fits a telephone', async () => {
    await page.setViewportSize({ width: 360, height: 700 })
    await page.waitForFunction(() => document.documentElement.scrollWidth <= 360)
    await page.setViewportSize({ width: 1100, height: 800 })
  })

  it('works without a network after the first load, and in a second tab', async () => {
    await page.reload()
    await ready(page)
    await context.setOffline(true)
    await page.reload()
    expect(await ready(page)).toMatch(/were here/)
    expect((await search(page, 'zürich'))[0]).toMatch(/^Zürich/)
    const second = await context.newPage()
    await second.goto(url)
    expect(await ready(second)).toMatch(/were here/)
    expect((await search(second, 'oslo'))[0]).toMatch(/^Oslo/)
    await second.close()
    await context.setOffline(false)
  })
})

it('the demo works in Firefox', { timeout: LOADING_MS }, async () => {
  const browser = await firefox.launch(FIREFOX_LAUNCH)
  try {
    const context = await browser.newContext(FIREFOX_CONTEXT)
    const page = await context.newPage()
    await page.goto(url)
    expect(await ready(page)).toMatch(/cities loaded/)
    expect((await search(page, 'reykj'))[0]).toMatch(/^Reykj/)
  } finally {
    await browser.close()
  }
})
