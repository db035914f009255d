import { existsSync } from 'node:fs'
import { playwright } from '@vitest/browser-playwright'
import { defineConfig, type ViteUserConfig } from 'vitest/config'
import type { BrowserInstanceOption } from 'vitest/node'

/** Debian's browsers; a missing one fails, with what to do about it. */
const CHROMIUM = '/usr/bin/chromium'
const FIREFOX = '/usr/bin/firefox-esr'
for (const [path, debianPackage] of [
  [CHROMIUM, 'chromium'],
  [FIREFOX, 'firefox-esr'],
]) {
  if (!existsSync(path as string))
    throw new Error(`${path} is missing: install it with \`apt-get install ${debianPackage}\`.`)
}

/** Nothing but this machine is asked for anything. */
const QUIET = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

const instances: BrowserInstanceOption[] = [
  {
    browser: 'chromium',
    provider: playwright({ launchOptions: { executablePath: CHROMIUM, args: QUIET } }),
  },
  {
    browser: 'firefox',
    provider: playwright({
      // NOTE: WebDriver BiDi, which is what Debian's Firefox speaks.
      launchOptions: { channel: 'moz-firefox', executablePath: FIREFOX },
      contextOptions: { colorScheme: null, reducedMotion: null, forcedColors: null, contrast: null },
    }),
  },
]

const config: ViteUserConfig = defineConfig({
  test: {
    include: ['test/browser/**/*.test.ts'],
    testTimeout: 60_000,
    browser: { enabled: true, headless: true, screenshotFailures: false, instances },
  },
})

export default config
