import { fileURLToPath } from 'node:url'
import { playwright } from '@vitest/browser-playwright'
import type { Plugin } from 'vite'
import { defineConfig, type ViteUserConfig } from 'vitest/config'
import type { BrowserInstanceOption } from 'vitest/node'
import {
  CHROMIUM,
  FIREFOX,
  FIREFOX_CONTEXT,
  FIREFOX_LAUNCH,
  QUIET_FLAGS,
  requireBrowser,
} from './test/support/browsers.ts'

requireBrowser(CHROMIUM)
requireBrowser(FIREFOX)

const instances: BrowserInstanceOption[] = [
  {
    browser: 'chromium',
    provider: playwright({
      launchOptions: { executablePath: CHROMIUM, args: [...QUIET_FLAGS, '--js-flags=--expose-gc'] },
    }),
  },
  {
    browser: 'firefox',
    provider: playwright({
      launchOptions: FIREFOX_LAUNCH,
      contextOptions: FIREFOX_CONTEXT,
    }),
  },
]

/** As tsup.config.ts has it: in browsers the adapter of abstract-level has another engine. */
function engineOfBrowsers(): Plugin {
  return {
    name: 'engine-of-browsers',
    enforce: 'pre',
    resolveId(source, importer = '') {
      return source === './engine.ts' && importer.includes('/src/level/')
        ? fileURLToPath(new URL('src/level/engine-browser.ts', import.meta.url))
        : undefined
    },
  }
}

const config: ViteUserConfig = defineConfig({
  plugins: [engineOfBrowsers()],
  worker: { format: 'es', plugins: () => [engineOfBrowsers()] },
  test: {
    include: ['test/browser/**/*.test.ts'],
    testTimeout: 60_000,
    browser: { enabled: true, headless: true, screenshotFailures: false, instances },
  },
})

export default config
