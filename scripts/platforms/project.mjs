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
  const args = ['install', '--no-audit', '--no-fund', '--no-update-notifier', ...options, ...packages]
  const { stdout, stderr } = requireSuccess(await run('npm', args, { cwd: directory, env }))
  return stdout + stderr
}
