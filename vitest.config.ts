import { defineConfig, type ViteUserConfig } from 'vitest/config'

const config: ViteUserConfig = defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Those run in browsers: vitest.browser.config.ts.
    exclude: ['test/browser/**'],
    // Property tests and torture programs say themselves how long they run; this ends what hangs.
    testTimeout: 180_000,
    hookTimeout: 60_000,
    pool: 'forks',
    maxWorkers: 2,
  },
})

export default config
