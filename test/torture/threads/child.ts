import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** What a program that was started said, or why it did not end as it should. */
export type Outcome<T> =
  | { readonly report: T; readonly failure: undefined }
  | { readonly report: undefined; readonly failure: string }

/** What a program finds around it; by default what this one does. */
export interface Surroundings {
  /** Options of Node.js. */
  readonly flags?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  readonly workingDirectory?: string
}

/** In memory where the host has such a place: threads meet more often when none waits for a disk. */
const base = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()

/**
 * Runs a program in a process of its own, with a directory of its own that goes with it. It gets `request` and the directory as JSON, and reports in JSON on its last line.
 * `limitMs`: then it is killed.
 */
export async function runChild<T>(
  file: string,
  request: object,
  limitMs: number,
  { flags = [], environment = {}, workingDirectory }: Surroundings = {},
): Promise<Outcome<T>> {
  const root = await mkdtemp(join(base, 'varve-torture-'))
  try {
    const argument = JSON.stringify({ ...request, directory: join(root, 'db') })
    const child = spawn(process.execPath, [...flags, file, argument], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...environment },
      cwd: workingDirectory,
    })
    let output = ''
    let errors = ''
    child.stdout.on('data', (data: Buffer) => (output += data.toString()))
    child.stderr.on('data', (data: Buffer) => (errors += data.toString()))
    let isLate = false
    const timer = setTimeout(() => {
      isLate = true
      child.kill('SIGKILL')
    }, limitMs)
    const status = await new Promise<number | string>((resolve) =>
      child.once('close', (code, signal) => resolve(code ?? signal ?? 'nothing')),
    )
    clearTimeout(timer)
    const last = output.trimEnd().split('\n').at(-1) ?? ''
    if (status === 0) return { report: JSON.parse(last) as T, failure: undefined }
    const how = isLate ? `it did not end within ${limitMs} ms` : `it ended with ${status}`
    return { report: undefined, failure: `${how}; it had said:\n${output}${errors}` }
  } finally {
    await rm(root, { recursive: true, force: true })
  }
}
