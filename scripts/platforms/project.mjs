import { cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { requireSuccess, run } from './process.mjs'

const programs = fileURLToPath(new URL('programs/', import.meta.url))

/** What npm tells the scripts it runs; a second npm would take it for its own settings. */
const settingsOfThisRun = /^npm_(?:config_(?:local_)?prefix|package_|lifecycle_|command)/i

/** A project of a user, in a new directory: the programs of the checks, and no package installed yet. */
export function createProject(directory) {
  mkdirSync(directory)
  cpSync(programs, directory, { recursive: true })
  writeFileSync(join(directory, 'package.json'), '{ "private": true, "type": "module" }\n')
}

/** Installs packages (names with versions, or tarballs) as a user would. @returns what npm printed */
export async function installPackages(directory, packages, options = []) {
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !settingsOfThisRun.test(name)),
  )
  const settings = ['--no-audit', '--no-fund', '--no-update-notifier', '--loglevel=warn']
  const result = await run('npm', ['install', ...settings, ...options, ...packages], { cwd: directory, env })
  const reason = /^npm error (?!code |syscall |errno )(.+)$/m.exec(result.stderr)?.[1]
  if (reason !== undefined) throw new Error(`npm cannot install ${packages.join(' and ')}: ${reason}`)
  const { stdout, stderr } = requireSuccess(result)
  return stdout + stderr
}
