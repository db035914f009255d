/** Debian's browsers: what tests, benchmarks and the demo's pictures start. */
export const CHROMIUM = '/usr/bin/chromium'
export const FIREFOX = '/usr/bin/firefox-esr'

/** Chromium asks nothing but this machine for anything. */
export const QUIET_FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** NOTE: WebDriver BiDi, which is what Debian's Firefox speaks. */
export const FIREFOX_LAUNCH = { channel: 'moz-firefox', executablePath: FIREFOX }
/** It knows none of these. */
export const FIREFOX_CONTEXT = { colorScheme: null, reducedMotion: null, forcedColors: null, contrast: null }

/** Headers that isolate a page, so that it can share memory with its workers. */
export const ISOLATING = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
}
