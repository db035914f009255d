/** Runs the built command in a process of its own, as a user would. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { pathToFileURL } from 'node:url'
import { afterEach, expect } from 'vitest'

export const commandFile: string = resolve('dist/cli.js')
export const libraryUrl: string = pathToFileURL(resolve('dist/index.js')).href

/** The built library, so that tests look at what the command wrote through the same files. */
export const library = (await import(libraryUrl)) as typeof import('../../src/index.ts')

export interface Result {
  exitCode: number | null
  bytes: Buffer
  stdout: string
  stderr: string
}

export async function varve(args: readonly string[], input: string | Uint8Array = ''): Promise<Result> {
  const child = spawn(process.execPath, [commandFile, ...args])
  const exited = once(child, 'exit')
  // A command that does not read its input closes the pipe.
  child.stdin.on('error', () => undefined)
  child.stdin.end(input)
  const [bytes, errors] = await Promise.all([buffer(child.stdout), buffer(child.stderr)])
  const [exitCode] = (await exited) as [number | null]
  return { exitCode, bytes, stdout: bytes.toString('utf8'), stderr: errors.toString('utf8') }
}

/** Runs a command that must succeed, and returns what it printed. */
export async function output(args: readonly string[], input: string | Uint8Array = ''): Promise<string> {
  const result = await varve(args, input)
  expect(result.stderr.replace(/^varve: loaded .*\n$/, '')).toBe('')
  expect(result.exitCode).toBe(0)
  return result.stdout
}

/** Runs a command that must fail: with this exit code, one sentence, and no stack trace. */
export async function failure(
  exitCode: number,
  args: readonly string[],
  input: string | Uint8Array = '',
): Promise<string> {
  const result = await varve(args, input)
  expect(result.stderr).toMatch(/^varve: [^\n]+[.?)]\n$/)
  expect(result.stderr).not.toMatch(/\bat .*:\d+:\d+|Error:/)
  expect(result.exitCode).toBe(exitCode)
  return result.stderr
}

const temporary: string[] = []

afterEach(async () => {
  const directories = temporary.splice(0)
  await Promise.all(directories.map((directory) => rm(directory, { recursive: true, force: true })))
})

/** A path in a fresh temporary directory that is removed after the test. */
export async function temporaryPath(name = 'data'): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'varve-cli-'))
  temporary.push(directory)
  return join(directory, name)
}

/** Every entry of every keyspace as [keyspace, key, value] in hexadecimal: the bytes, and nothing but. */
export async function contentOf(directory: string): Promise<[string, string, string][]> {
  const raw = { keyEncoding: 'bytes', valueEncoding: 'bytes' } as const
  const database = await library.open(directory, { ...raw, createIfMissing: false })
  const entries: [string, string, string][] = []
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
  for (const name of ['', ...database.keyspaces()]) {
    const keyspace = name === '' ? database : await database.keyspace(name, raw)
    for await (const [key, value] of keyspace.range({})) entries.push([name, hex(key), hex(value)])
  }
  await database.close()
  return entries
}
