import { spawnSync } from 'node:child_process'

/** Largest resident memory of a process with so many workers that do nothing. */
export function idleProcessBytes(threads) {
  const script = `
    const { Worker } = require('node:worker_threads')
    const idle = Array.from({ length: ${threads} }, () => new Worker('setInterval(() => {}, 1000)', { eval: true }))
    setTimeout(() => {
      process.stdout.write(String(process.resourceUsage().maxRSS * 1024))
      process.exit(0)
    }, 500)`
  return Number(spawnSync(process.execPath, ['-e', script], { encoding: 'utf8' }).stdout)
}
