/** Debian's browsers, which tests start. */
import { existsSync } from 'node:fs'

export const CHROMIUM = '/usr/bin/chromium'
export const FIREFOX = '/usr/bin/firefox-esr'

/** Chromium asks nothing but this machine for anything. */
export const QUIET_FLAGS: readonly string[] = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** @throws an Error that says how to install it */
export function requireBrowser(path: string): void {
  const debianPackage = path.slice(path.lastIndexOf('/') + 1)
  if (!existsSync(path))
    throw new Error(`${path} is missing: install it with \`apt-get install ${debianPackage}\`.`)
}
