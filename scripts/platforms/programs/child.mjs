// Second processes of a check, on the same runtime as the first.
import { spawn } from 'node:child_process'
import process from 'node:process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const runtimeArguments = JSON.parse(process.env.VARVE_RUNTIME_ARGUMENTS)

/** Starts a script of this folder, or of an absolute path. */
export function start(script, ...args) {
  const path = fileURLToPath(new URL(script, import.meta.url))
  return spawn(process.execPath, [...runtimeArguments, path, ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
}

/** Runs a script to its end. @returns its exit code and what it printed */
export async function output(script, ...args) {
  const child = start(script, ...args)
  const end = ended(child)
  child.stdin.end()
  let stdout = ''
  for await (const line of lines(child)) stdout += `${line}\n`
  return { ...(await end), stdout }
}

/** The lines a process prints, until it has ended. */
export function lines(child) {
  return createInterface({ input: child.stdout })
}

/** @returns {Promise<{ code: number | null, signal: string | null }>} once the process is gone */
export function ended(child) {
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => resolve({ code, signal }))
  })
}
