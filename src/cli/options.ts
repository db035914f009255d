import { InvalidArgumentError, Option } from 'commander'
import { keyTexts, valueTexts, type KeyText, type ValueText } from './codec.ts'

/** Options that every command has. */
export interface DatabaseChoice {
  /** Undefined means the default keyspace (or all of them, where a command works on all). */
  keyspace?: string
  /** Mebibytes. */
  memoryLimit: number
}

export interface KeyChoice {
  keyEncoding: KeyText
}

export interface ValueChoice {
  valueEncoding: ValueText
}

export function keyspaceOption(description = 'keyspace to work on instead of the default one'): Option {
  return new Option('--keyspace <name>', description)
}

export function memoryLimitOption(): Option {
  return new Option('--memory-limit <MiB>', 'memory the engine may use, in MiB; bounds the size of a value')
    .argParser(wholeNumber)
    .default(256)
}

export function keyEncodingOption(): Option {
  return new Option('--key-encoding <name>', 'how keys are written').choices(keyTexts).default('utf8')
}

export function valueEncodingOption(): Option {
  return new Option('--value-encoding <name>', 'how values are written').choices(valueTexts).default('utf8')
}

export function wholeNumber(text: string): number {
  const value = Number(text)
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) {
    throw new InvalidArgumentError('A whole number is expected.')
  }
  return value
}

/** Examples below the help of a command, one per line, aligned with commander's own sections. */
export function examples(...lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  $ ${line}`).join('\n')}\n`
}
