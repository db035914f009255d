import { spawn } from 'node:child_process'

/**
 * @typedef {object} Result
 * @property {string} command for messages
 * @property {number | null} code
 * @property {string | null} signal
 * @property {boolean} isLate whether it outlived its limit
 * @property {string} stdout
 * @property {string} stderr
 */

const DEFAULT_LIMIT_SECONDS = 300

/** Processes that run, each the leader of a group of its own. */
const running = new Set()

/**
 * Runs a command to its end. What outlives the limit is killed together with the processes it started.
 * @returns {Promise<Result>}
 */
export function run(command, args, { cwd, env = process.env, limitSeconds = DEFAULT_LIMIT_SECONDS } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
    running.add(child)
    let stdout = ''
    let stderr = ''
    let isLate = false
    child.stdout.setEncoding('utf8').on('data', (text) => (stdout += text))
    child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text))
    const limit = setTimeout(() => {
      isLate = true
      endGroup(child)
    }, limitSeconds * 1000)
    const settle = () => {
      clearTimeout(limit)
      running.delete(child)
    }
    child.once('error', (error) => {
      settle()
      reject(error)
    })
    // NOTE: not 'exit': a process it left behind holds its output, and the limit then ends that one too.
    child.once('close', (code, signal) => {
      settle()
      resolve({ command: `${command} ${args[0] ?? ''}`.trim(), code, signal, isLate, stdout, stderr })
    })
  })
}

/** @throws unless the command succeeded, with what it said last */
export function requireSuccess(result) {
  if (result.code === 0 && !result.isLate) return result
  const end = result.isLate ? 'did not end in time' : `ended with ${result.signal ?? result.code}`
  const said = lastLine(result.stderr) ?? lastLine(result.stdout) ?? 'and said nothing'
  throw new Error(`${result.command} ${end}: ${said}`)
}

/** Kills what still runs, for an early end of this program. */
export function endAll() {
  for (const child of running) endGroup(child)
}

function endGroup(child) {
  try {
    process.kill(-child.pid, 'SIGKILL')
  } catch {
    // All of them have ended by themselves.
  }
}

export function lastLine(text) {
  return text.trim().split('\n').at(-1) || undefined
}
