/** Debian's browsers, which tests start. */
import { existsSync } from 'node:fs'

export {
  CHROMIUM,
  FIREFOX,
  FIREFOX_CONTEXT,
  FIREFOX_LAUNCH,
  ISOLATING,
  QUIET_FLAGS,
} from '../../scripts/browsers.mjs'

/** @throws an Error that says how to install it */
export function requireBrowser(path: string): void {
  const debianPackage = path.slice(path.lastIndexOf('/') + 1)
  if (!existsSync(path))
    throw new Error(`${path} is missing: install it with \`apt-get install ${debianPackage}\`.`)
}
