// Takes the pictures of the demo that docs/browser.md shows: npm run build && node scripts/demo-web/screenshots.mjs
import { chromium } from 'playwright'
import { fileURLToPath } from 'node:url'
import { CHROMIUM, QUIET_FLAGS } from '../browsers.mjs'
import { serveDemo } from './server.mjs'

const IMAGES = fileURLToPath(new URL('../../docs/images/', import.meta.url))
const VIEWS = { 'demo-web': { width: 1000, height: 760 }, 'demo-web-phone': { width: 380, height: 820 } }

const { server, url } = await serveDemo(0)
const browser = await chromium.launch({ executablePath: CHROMIUM, args: QUIET_FLAGS })
try {
  const page = await browser.newPage()
  await page.goto(url)
  await page.waitForSelector('#search:enabled', { timeout: 120_000 })
  await page.click('#churn')
  await page.fill('#search', 'reyk')
  await page.waitForTimeout(1500)
  for (const [name, viewport] of Object.entries(VIEWS)) {
    await page.setViewportSize(viewport)
    await page.waitForTimeout(700)
    await page.screenshot({ path: `${IMAGES}${name}.png` })
  }
} finally {
  await browser.close()
  server.close()
}
