import { CommanderError } from 'commander'
import { VarveError, type VarveErrorCode } from '../index.ts'

/** What the process ends with; part of the command's contract, see README.md. */
const exitCodes = { ok: 0, notFound: 1, usage: 2, locked: 3, corrupt: 4, other: 5 } as const

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes]

/** Ends the command with one sentence on standard error and an exit code. */
export class CommandFailure extends Error {
  readonly exitCode: ExitCode

  constructor(exitCode: ExitCode, sentence: string, cause?: unknown) {
    super(sentence, cause === undefined ? undefined : { cause })
    this.exitCode = exitCode
  }
}

export function notFound(sentence: string): CommandFailure {
  return new CommandFailure(exitCodes.notFound, sentence)
}

export function locked(sentence: string, cause?: unknown): CommandFailure {
  return new CommandFailure(exitCodes.locked, sentence, cause)
}

export function corrupt(sentence: string, cause?: unknown): CommandFailure {
  return new CommandFailure(exitCodes.corrupt, sentence, cause)
}

/** Damage that was found by looking for it. */
export function corruptFound(problems: number): CommandFailure {
  const what = problems === 1 ? 'one problem' : `${problems} problems`
  return corrupt(`The database is damaged (${what}); restore it from a backup.`)
}

/** Something the command needs is missing or does not work. */
export function unusable(sentence: string, cause?: unknown): CommandFailure {
  return new CommandFailure(exitCodes.other, sentence, cause)
}

export function usage(sentence: string, cause?: unknown): CommandFailure {
  return new CommandFailure(exitCodes.usage, sentence, cause)
}

/** The reader of our output went away (`| head`): nothing is wrong, there is just nobody left to write to. */
export class OutputClosed extends Error {}

export interface Outcome {
  exitCode: ExitCode
  /** Empty when there is nothing to say. */
  sentence: string
}

/** Translates whatever ended a command into an exit code and one sentence. */
export function outcomeOf(error: unknown): Outcome {
  if (error instanceof OutputClosed) return { exitCode: exitCodes.ok, sentence: '' }
  if (error instanceof CommandFailure)
    return { exitCode: error.exitCode, sentence: sentenceOf(error.message) }
  if (error instanceof CommanderError) {
    // commander has already printed help, the version or its complaint.
    return { exitCode: error.exitCode === 0 ? exitCodes.ok : exitCodes.usage, sentence: '' }
  }
  if (error instanceof VarveError) {
    return { exitCode: exitCodeOf(error.code), sentence: sentenceOf(error.message) }
  }
  // A wrong argument that the engine noticed: a key that is too long, a name that may not be.
  if (error instanceof TypeError || error instanceof RangeError) {
    return { exitCode: exitCodes.usage, sentence: sentenceOf(error.message) }
  }
  const message = error instanceof Error ? error.message : String(error)
  return { exitCode: exitCodes.other, sentence: sentenceOf(message) }
}

function exitCodeOf(code: VarveErrorCode): ExitCode {
  switch (code) {
    case 'NOT_FOUND':
      return exitCodes.notFound
    case 'LOCKED':
      return exitCodes.locked
    case 'CORRUPT':
    case 'MISSING_FILE':
    case 'FORMAT_VERSION':
      return exitCodes.corrupt
    default:
      return exitCodes.other
  }
}

/** A message on one line, with a full stop. */
export function sentenceOf(message: string): string {
  const text = oneLine(message)
  return /[.?)]$/.test(text) ? text : `${text}.`
}

export function oneLine(text: string): string {
  return text
    .split(/[\r\n]+/)
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .join(' ')
}
