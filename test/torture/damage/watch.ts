/** Ends the process when a case hangs in a call that never gives the event loop a turn: nothing else could. */
import { Worker } from 'node:worker_threads'

const textBytes = 4096
/** NOTE: on a machine with much other work a second of the processor may take that long. */
const limitMs = 120_000

/** NOTE: a string, because it has to run from a bundle and from a test alike. */
const watcher = `
const { workerData: { board, limitMs, program } } = require('node:worker_threads')
const { writeSync } = require('node:fs')
const words = new Int32Array(board, 0, 2)
let seen = -1
let since = Date.now()
setInterval(() => {
  const now = Atomics.load(words, 0)
  if (now !== seen) { seen = now; since = Date.now() }
  else if (Date.now() - since > limitMs) {
    const text = Buffer.from(new Uint8Array(board, 8, words[1])).toString()
    writeSync(2, program + ': nothing has happened for ' + limitMs + ' ms in ' + text + '\\n')
    process.kill(process.pid, 'SIGKILL')
  }
}, 500)
`

/** `run` notes which case it is about to begin. */
export async function watched<T>(
  program: string,
  run: (note: (what: string) => void) => Promise<T>,
): Promise<T> {
  const board = new SharedArrayBuffer(8 + textBytes)
  const words = new Int32Array(board, 0, 2)
  const text = new Uint8Array(board, 8)
  const worker = new Worker(watcher, { eval: true, workerData: { board, limitMs, program }, execArgv: [] })
  worker.unref()
  const note = (what: string): void => {
    const bytes = new TextEncoder().encode(what).subarray(0, textBytes)
    text.set(bytes)
    words[1] = bytes.byteLength
    Atomics.add(words, 0, 1)
  }
  try {
    return await run(note)
  } finally {
    await worker.terminate()
  }
}
