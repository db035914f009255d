/** What people and programs hand in: options of `open`, and the lines of a dump. */
import { openRequest } from '../../../src/api/options.ts'
import { policyOf } from '../../../src/api/policy.ts'
import {
  DumpReader,
  dumpHeaderLine,
  endLine,
  entryLine,
  isDumpHeader,
  keyspaceLine,
} from '../../../src/cli/dump-format.ts'
import { CommandFailure } from '../../../src/cli/failure.ts'
import { type Decoder, must } from './decoder.ts'
import type { Mutator } from './mutator.ts'

export function textDecoders(): Decoder[] {
  return [options(), dumps()]
}

const VALUES: readonly unknown[] = [
  undefined,
  null,
  true,
  false,
  0,
  -1,
  1,
  0.5,
  NaN,
  Infinity,
  -Infinity,
  -0,
  2 ** 31,
  2 ** 32,
  2 ** 53,
  1e300,
  '',
  'os',
  'none',
  'sync',
  'lz4',
  'fifo',
  '__proto__',
  'strict',
  0n,
  Symbol.iterator,
  [],
  [1, 2],
  ['none'],
  {},
  () => {},
  new Array(1000).fill(1),
  new Date(0),
  /x/,
  new Map(),
  Object.create(null),
  new Uint8Array(3),
  16_777_216,
  33_554_432,
]
const NAMES: readonly string[] = [
  'createIfMissing',
  'errorIfExists',
  'keyEncoding',
  'valueEncoding',
  'durability',
  'memoryLimit',
  'memtableSize',
  'flushInterval',
  'stallTimeout',
  'maxPendingBytes',
  'recovery',
  'threads',
  'createWorker',
  'compaction',
  'tables',
  'strategy',
  'sizeLimit',
  'ttl',
  'blockSize',
  'restartInterval',
  'compression',
  'bitsPerKey',
  'durabilty',
  '__proto__',
  'constructor',
  'toString',
  '',
  'Durability',
]

/** The bytes are choices: pairs of a name and a value. */
function options(): Decoder {
  const corpus = [
    [4, 17],
    [5, 37, 6, 6],
    [13, 255, 15, 21],
    [14, 255, 20, 20],
    [0, 2, 1, 3, 7, 4, 8, 4, 11, 4],
  ]
  return {
    name: 'options',
    corpus: corpus.map((numbers) => Uint8Array.from(numbers)),
    run(bytes, mutator) {
      const given = optionsFrom(bytes, mutator)
      try {
        const { engine, policy } = openRequest(given)
        policyOf(policy)
        must(Number.isInteger(engine.memoryLimit) && engine.memoryLimit % 131_072 === 0, 'memoryLimit')
        must(engine.memtableSize >= 1 && engine.memtableSize <= engine.memoryLimit / 4, 'memtableSize')
        must(['none', 'buffered', 'os', 'sync'].includes(engine.durability), 'durability')
        must(given['durability'] !== undefined || engine.durability === 'os', 'a weaker default')
        return `ok ${Object.keys(given).join(' ').slice(0, 40)}`
      } catch (error) {
        if (!(error instanceof TypeError || error instanceof RangeError)) throw error
        must(
          !/undefined \(|Cannot (read|convert|mix)|is not a function|is not iterable|Invalid array/.test(
            error.message,
          ),
          error.message,
        )
        return `${error.name} ${error.message.replaceAll(/\d+/g, 'n').slice(0, 60)}`
      }
    },
  }
}

/** 255 as a value: an object of the pairs that follow. */
function optionsFrom(bytes: Uint8Array, mutator: Mutator): Record<string, unknown> {
  const given: Record<string, unknown> = mutator.chance(0.5)
    ? {}
    : (Object.create(null) as Record<string, unknown>)
  let into = given
  for (let i = 0; i + 1 < bytes.byteLength && i < 40; i += 2) {
    const name = NAMES[(bytes[i] as number) % NAMES.length] ?? ''
    const choice = bytes[i + 1] as number
    const value: unknown = choice === 255 ? {} : VALUES[choice % VALUES.length]
    Object.defineProperty(into, name, { value, enumerable: true, configurable: true, writable: true })
    if (choice === 255) into = value as Record<string, unknown>
  }
  return given
}

function dumps(): Decoder {
  const encoder = new TextEncoder()
  const lines = [
    dumpHeaderLine,
    keyspaceLine({ name: 'users', keyEncoding: 'utf8', valueEncoding: undefined }),
    entryLine(encoder.encode('key "quoted"'), encoder.encode('{"a":1}')),
    entryLine(Uint8Array.of(255, 0, 128), Uint8Array.of(0xfe, 0xed)),
    endLine(0),
  ]
  return {
    name: 'dump',
    corpus: lines.map((line) => encoder.encode(line)),
    run(bytes) {
      const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
      const reader = new DumpReader()
      try {
        if (!isDumpHeader(text)) reader.read(dumpHeaderLine, 1)
        const item = reader.read(text, 2)
        if (item?.type !== 'entry') return `ok ${item?.type ?? 'frame'}`
        const again = reader.read(entryLine(item.key, item.value), 3)
        must(again?.type === 'entry', 'an entry is none when it is written again')
        must(
          Buffer.compare(again.key, item.key) === 0 && Buffer.compare(again.value, item.value) === 0,
          'another entry',
        )
        return 'ok entry'
      } catch (error) {
        if (!(error instanceof CommandFailure)) throw error
        return error.message.replaceAll(/"[^"]*"|\d+/g, 'n').slice(0, 60)
      }
    },
  }
}
