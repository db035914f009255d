/** A program under strace, and what it did to the files of one directory. */
import { spawn } from 'node:child_process'
import { createReadStream } from 'node:fs'
import { basename, dirname } from 'node:path'
import { createInterface } from 'node:readline'
import type { TraceEvent } from './trace.ts'

const CALLS = 'openat,close,write,pwrite64,fdatasync,fsync,ftruncate,unlink,unlinkat'
/** A program says so, by a write to whatever descriptor, when a commit was acknowledged: 'acknowledged 17'. */
export const ACKNOWLEDGED = 'acknowledged '
const LONGEST_STRING = 262_144
/** P16: so long a failure may take to reach the other threads. */
const SETTLED_SECONDS = 0.1

/** `inject`: a fault that the calls of the program meet, in the words of strace. @throws what keeps it from running */
export async function runTraced(
  traceFile: string,
  program: readonly string[],
  inject?: string,
): Promise<void> {
  const args = [
    '-f',
    '-qq',
    '-ttt',
    '-xx',
    '-s',
    String(LONGEST_STRING),
    '-o',
    traceFile,
    '-e',
    `trace=${CALLS}`,
  ]
  if (inject !== undefined) args.push('-e', `inject=${inject}`)
  const child = spawn('strace', [...args, process.execPath, ...program], {
    // NOTE: calls that go by a ring are no calls.
    env: { ...process.env, UV_USE_IO_URING: '0' },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let errors = ''
  child.stderr.on('data', (data: Buffer) => (errors += data.toString()))
  const status = await new Promise<number | string>((resolve, reject) => {
    child.once('error', (error: NodeJS.ErrnoException) => {
      const missing =
        'strace is missing: durability-audit needs the Debian package strace (apt-get install strace).'
      reject(error.code === 'ENOENT' ? new Error(missing) : error)
    })
    child.once('close', (code, signal) => resolve(code ?? signal ?? 'nothing'))
  })
  if (status !== 0) throw new Error(`the traced program ended with ${status}: ${errors}`)
}

/** What the trace says of the files in `directory`. */
export async function* eventsOf(traceFile: string, directory: string): AsyncGenerator<TraceEvent> {
  const reader = new StraceReader(directory)
  for await (const line of createInterface({ input: createReadStream(traceFile) })) yield* reader.line(line)
}

interface Call {
  readonly name: string
  readonly text: string
  /** That the descriptor was of when it began. */
  readonly file: string | undefined
  /** Of its syncs. */
  readonly token: number
}

export class StraceReader {
  readonly #directory: string
  /** Names of open files; '' is the directory. */
  readonly #names = new Map<number, string>()
  /** Calls that a thread has begun. */
  readonly #unfinished = new Map<string, Call>()
  #tokens = 0
  #settledAtSeconds = Infinity

  constructor(directory: string) {
    this.#directory = directory
  }

  *line(stamped: string): Generator<TraceEvent> {
    const [, thread = '', seconds = '', line = ''] = /^(\d+) +(\d+\.\d+) (.*)$/.exec(stamped) ?? []
    if (Number(seconds) > this.#settledAtSeconds) {
      this.#settledAtSeconds = Infinity
      yield { kind: 'settled' }
    }
    for (const event of this.#call(thread, line)) {
      if (event.kind === 'sync' && event.failed) this.#settledAtSeconds = Number(seconds) + SETTLED_SECONDS
      yield event
    }
  }

  *#call(thread: string, line: string): Generator<TraceEvent> {
    const resumed = /^<\.\.\. (\w+) resumed>.*= (-?\d+|\?)/.exec(line)
    if (resumed !== null) {
      const call = this.#unfinished.get(thread)
      this.#unfinished.delete(thread)
      if (call !== undefined) yield* this.#end(call, Number(resumed[2]))
      return
    }
    const begun = /^(\w+)\((.*)$/.exec(line)
    if (begun === null) return
    const [, name = '', rest = ''] = begun
    const file = this.#names.get(Number.parseInt(rest, 10))
    const call: Call = { name, text: rest, file, token: ++this.#tokens }
    yield* this.#begin(call)
    const result = / = (-?\d+)[^=]*$/.exec(rest)
    if (rest.endsWith('<unfinished ...>')) this.#unfinished.set(thread, call)
    else yield* this.#end(call, Number(result?.[1] ?? -1))
  }

  *#begin({ name, text, file, token }: Call): Generator<TraceEvent> {
    if (name === 'unlink' || name === 'unlinkat') {
      const path = stringsIn(text)[0]?.toString() ?? ''
      if (dirname(path) === this.#directory) yield { kind: 'unlink', file: basename(path) }
    } else if (name === 'write') {
      const said = stringsIn(text)[0]?.toString('latin1') ?? ''
      if (said.startsWith(ACKNOWLEDGED))
        yield { kind: 'acknowledged', commit: Number.parseInt(said.slice(ACKNOWLEDGED.length), 10) }
    } else if (name === 'pwrite64' && file !== undefined) {
      const [bytes = Buffer.alloc(0)] = stringsIn(text)
      const [, length, offset] = /, (\d+), (\d+)(?:\)| <)/.exec(text.slice(text.lastIndexOf('"'))) ?? []
      if (bytes.byteLength !== Number(length))
        throw new Error(`a string of the trace is cut off: ${length} B`)
      yield { kind: 'write', file, offset: Number(offset), bytes }
    } else if ((name === 'fdatasync' || name === 'fsync') && file !== undefined)
      yield { kind: 'syncStart', file, token }
    else if (name === 'close') this.#names.delete(Number.parseInt(text, 10))
  }

  *#end({ name, text, file, token }: Call, result: number): Generator<TraceEvent> {
    if (name === 'openat' && result >= 0) {
      const path = stringsIn(text)[0]?.toString() ?? ''
      this.#names.delete(result)
      if (path === this.#directory) this.#names.set(result, '')
      else if (dirname(path) === this.#directory) {
        const isOwn = /^(?:[0-9a-f]{16}\.|superblock-)/.test(basename(path))
        if (!isOwn) return
        this.#names.set(result, basename(path))
        if (text.includes('O_CREAT')) yield { kind: 'create', file: basename(path) }
      }
    } else if (file === undefined) return
    else if (name === 'pwrite64') yield { kind: 'written', file }
    else if (name === 'ftruncate' && result === 0)
      yield { kind: 'truncate', file, length: Number(/^\d+, (\d+)/.exec(text)?.[1]) }
    else if (name === 'fdatasync' || name === 'fsync')
      yield { kind: 'sync', file, token, failed: result !== 0 }
  }
}

/** Strings among the arguments of a call: all of their bytes are written '\x61'. */
function stringsIn(text: string): Buffer[] {
  return [...text.matchAll(/"((?:\\x[0-9a-f]{2})*)"/g)].map(([, hex = '']) =>
    Buffer.from(hex.replaceAll('\\x', ''), 'hex'),
  )
}
