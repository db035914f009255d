/** The kernel's decoders (assembly/guarded), plain or with a guard, on a memory of their own. */
import { readFileSync } from 'node:fs'
import asc from 'assemblyscript/asc'
import { PAGE_BYTES } from '../../../assembly/memory/layout.ts'
import type { KernelExports } from '../../../src/kernel/exports.ts'

type Shared = Pick<
  KernelExports,
  | 'initialise'
  | 'attachSlot'
  | 'allocatePage'
  | 'hash'
  | 'mixedChecksum'
  | 'setGroup'
  | 'applyEntries'
  | 'createMemtable'
  | 'freeMemtable'
  | 'checkBlock'
  | 'blockGet'
  | 'indexEntry'
  | 'indexSeek'
>

/** Pointers come back signed, 64-bit numbers as (signed) BigInt, booleans as 0 or 1. */
export interface Decoders extends Shared {
  /** Above `from` nothing but the input may be read, and nothing but the output written. Without effect in the plain build. */
  guard(from: number, input: number, inputLength: number, output: number, outputLength: number): void
  loadU8(p: number): number
  commonPrefix(a: number, b: number, limit: number): number
  compareBytes(a: number, aLength: number, b: number, bLength: number): number
  equalBytes(a: number, b: number, length: number): number
  keyHash(key: number, keyLength: number): bigint
  readVarint32(p: number, end: number): bigint
  varint64Length(p: number, end: number): number
  varint64Value(p: number, length: number): bigint
  writeVarint32(p: number, value: number): number
  writeVarint64(p: number, value: bigint): number
  blockOpen(cursor: number, payload: number, length: number): void
  blockFirst(cursor: number): number
  blockLast(cursor: number): number
  blockNext(cursor: number): number
  blockPrevious(cursor: number): number
  checkExtentList(p: number, end: number, limit: bigint): number
  listedExtents(list: number, length: number): number
  listedOffset(list: number, length: number, number: number): bigint
  listedSize(list: number, length: number, number: number): number
  listedValueLength(list: number, length: number): number
  filterLine(hash: bigint, lines: number): number
  filterMayContain(line: number, hash: bigint, probes: number): number
  LZ4_SCRATCH_BYTES: WebAssembly.Global<'i32'>
  lz4Compress(from: number, length: number, to: number, capacity: number, scratch: number): number
  lz4Decompress(from: number, length: number, to: number, rawLength: number): number
}

const PAGES = 64
/** Everything above is guarded: 16 pages below the end. Memtables and slots lie lower. */
const ZONE = 48 * PAGE_BYTES
/** Where output goes: alone in its pages. */
const OUTPUT = 50 * PAGE_BYTES

const GUARD = [
  '--use',
  'load=assembly/guarded/guard/guardedLoad',
  '--use',
  'store=assembly/guarded/guard/guardedStore',
  '--use',
  'compilersMemory=~lib/memory/memory',
  '--use',
  'memory=assembly/guarded/guard/guardedMemory',
]

export type Build = 'plain' | 'guarded'

/** A seeded bug: the text of a source, and what it says instead. */
export interface Patch {
  readonly file: string
  readonly from: string
  readonly to: string
}

async function compile(build: Build, patches: readonly Patch[]): Promise<WebAssembly.Module> {
  let binary: Uint8Array | undefined
  let messages = ''
  const { error } = await asc.main(
    [
      'assembly/guarded/index.ts',
      '--target',
      'fuzzed',
      '--outFile',
      'guarded.wasm',
      ...(build === 'guarded' ? GUARD : []),
    ],
    {
      readFile(name) {
        let text: string
        try {
          text = readFileSync(name, 'utf8')
        } catch {
          return null
        }
        for (const { file, from, to } of patches) {
          if (file !== name) continue
          if (!text.includes(from)) throw new Error(`${file} does not say ${from}`)
          text = text.replace(from, to)
        }
        return text
      },
      writeFile(name, contents) {
        if (typeof contents !== 'string' && name.endsWith('.wasm')) binary = contents
      },
      listFiles: () => null,
      stderr: {
        write: (text) => {
          messages += String(text)
        },
      },
    },
  )
  if (error || binary === undefined) throw new Error(`assembly/guarded: ${messages}`)
  return new WebAssembly.Module(Uint8Array.from(binary))
}

/** A place for inputs: whoever reads or writes beside one traps. */
export class Arena {
  readonly x: Decoders
  readonly build: Build
  readonly slot: number
  readonly u8: Uint8Array
  readonly view: DataView
  /** Pages of the test's own, not guarded. */
  readonly spare: number
  readonly output: number = OUTPUT

  static async create(build: Build, patches: readonly Patch[] = []): Promise<Arena> {
    return new Arena(build, await compile(build, patches))
  }

  private constructor(build: Build, module: WebAssembly.Module) {
    const wasmPages = (PAGES * PAGE_BYTES) / 65536
    const memory = new WebAssembly.Memory({ initial: wasmPages, maximum: wasmPages, shared: true })
    const { exports } = new WebAssembly.Instance(module, { env: { memory } })
    this.x = exports as unknown as Decoders
    this.build = build
    this.u8 = new Uint8Array(memory.buffer)
    this.view = new DataView(memory.buffer)
    // NOTE: pages are given out from below; so many are never needed that they would reach the zone.
    this.x.initialise(PAGES, 0x9e3779b9, 0x7f4a7c15)
    this.slot = this.x.attachSlot(0) >>> 0
    this.spare = this.x.allocatePage() >>> 0
    for (let i = 1; i < 4; i++) this.x.allocatePage()
    this.u8.fill(0xca, ZONE)
  }

  /** Puts an input where its end is the end of memory or, guarded, of what may be read. `canary`: what lies in front of it. @returns its address */
  place(bytes: Uint8Array, outputLength: number = 0, canary: number = 0xca): number {
    const at = this.u8.length - bytes.byteLength - (this.build === 'guarded' ? 64 : 0)
    this.u8.fill(canary, at - 64, at)
    this.u8.set(bytes, at)
    if (this.build === 'guarded') this.x.guard(ZONE, at, bytes.byteLength, OUTPUT, outputLength)
    return at
  }
}
