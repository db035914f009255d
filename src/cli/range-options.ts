import { Option, type Command } from 'commander'
import type { RangeOptions } from '../index.ts'
import { bytesOfText, type KeyText } from './codec.ts'
import { wholeNumber } from './options.ts'

export interface RangeChoice {
  prefix?: string
  gte?: string
  gt?: string
  lte?: string
  lt?: string
  reverse?: true
  limit?: number
}

const bounds = ['prefix', 'gte', 'gt', 'lte', 'lt'] as const

export function addRangeOptions(command: Command): Command {
  return command
    .option('--prefix <key>', 'only keys that start with this')
    .option('--gte <key>', 'from this key on')
    .option('--gt <key>', 'from behind this key on')
    .option('--lte <key>', 'up to this key')
    .option('--lt <key>', 'up to before this key')
    .option('--reverse', 'from the largest key to the smallest')
    .addOption(new Option('--limit <count>', 'at most that many entries').argParser(wholeNumber))
}

export function rangeOf(choice: RangeChoice, encoding: KeyText): RangeOptions<Uint8Array> {
  const range: RangeOptions<Uint8Array> = {}
  for (const bound of bounds) {
    const text = choice[bound]
    if (text !== undefined) range[bound] = bytesOfText(text, encoding, `--${bound}`)
  }
  if (choice.reverse) range.reverse = true
  if (choice.limit !== undefined) range.limit = choice.limit
  return range
}
