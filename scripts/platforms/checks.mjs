import { mkdtempSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { lastLine, run } from './process.mjs'
import { createProject, installPackages } from './project.mjs'
import { environmentOf } from './runtimes.mjs'

const LIMIT_SECONDS = 120

/** Programs of the folder programs/, each run in a process and a directory of its own. */
const CHECKS = [
  { name: 'import', program: 'import.mjs' },
  { name: 'require', program: 'require.cjs' },
  { name: 'worker thread', program: 'thread.mjs' },
  { name: 'several threads on one database', program: 'share.mjs' },
  { name: 'a second opener is refused', program: 'lock.mjs' },
  { name: 'kill and reopen', program: 'kill.mjs' },
  { name: 'exit without close', program: 'exit.mjs' },
  { name: 'the command', program: 'command.mjs' },
  { name: 'varve without abstract-level', program: 'level-absent.mjs' },
]

/** The same, in a project that has abstract-level. */
const LEVEL_CHECKS = [
  { name: 'varve/level, import', program: 'level.mjs' },
  { name: 'varve/level, require', program: 'level-require.cjs' },
]

/** On runtimes with permissions of their own. */
const PERMITTED_CHECK = { name: 'the permissions README.md names suffice', program: 'import.mjs' }
const RESTRICTED_CHECK = { name: 'missing permissions are named', program: 'refused.mjs' }

/**
 * Runs all checks on one runtime.
 * @param projects the projects that the tarball is installed in
 */
export async function checkRuntime(report, runtime, home, projects) {
  for (const check of CHECKS) await checkProgram(report, runtime, home, projects.plain, check)
  for (const check of LEVEL_CHECKS) await checkProgram(report, runtime, home, projects.level, check)
  const { permitted, restricted } = runtime
  if (permitted !== undefined) {
    await checkProgram(report, { ...runtime, arguments: permitted }, home, projects.plain, PERMITTED_CHECK)
  }
  if (restricted !== undefined) {
    await checkProgram(report, { ...runtime, arguments: restricted }, home, projects.plain, RESTRICTED_CHECK)
  }
}

/** @returns the projects of users: without any other package, and with abstract-level */
export async function createProjects(directory, tarball) {
  const plain = join(directory, 'project')
  createProject(plain)
  await installPackages(plain, [tarball])
  const level = join(directory, 'level-project')
  createProject(level)
  const { devDependencies } = JSON.parse(readFileSync('package.json', 'utf8'))
  await installPackages(level, [tarball, `abstract-level@${devDependencies['abstract-level']}`])
  return { plain, level }
}

async function checkProgram(report, runtime, home, project, { name, program }) {
  await report.check(name, async () => {
    const directory = mkdtempSync(join(home, 'check-'))
    const result = await run(runtime.path, [...runtime.arguments, 'main.mjs', program, directory], {
      cwd: project,
      env: environmentOf(runtime, home),
      limitSeconds: LIMIT_SECONDS,
    })
    const verdict = /^verdict: (.*)$/m.exec(result.stdout)?.[1]
    if (verdict !== undefined && verdict !== 'ok') throw new Error(verdict)
    if (result.isLate) {
      const what = verdict === 'ok' ? 'did its work, but' : 'hangs, and'
      throw new Error(`the program ${what} did not end within ${LIMIT_SECONDS} s`)
    }
    if (verdict === undefined || result.code !== 0) {
      const said = lastLine(result.stderr) ?? 'and said nothing'
      throw new Error(`the program ended with ${result.signal ?? result.code}: ${said}`)
    }
  })
}
