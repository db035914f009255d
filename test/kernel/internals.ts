/** The kernel's inner functions for kernel tests: assembly/internals.ts, compiled here, on a memory of its own. */
import { readFileSync } from 'node:fs'
import asc from 'assemblyscript/asc'
import { PAGE_BYTES } from '../../assembly/memory/layout.ts'
import type { KernelExports } from '../../src/kernel/exports.ts'

type Shared = Pick<
  KernelExports,
  | 'initialise'
  | 'attachSlot'
  | 'allocatePage'
  | 'allocateRecord'
  | 'freePage'
  | 'allocateChain'
  | 'blockGet'
  | 'cacheCreate'
  | 'checkBlock'
  | 'cacheShrink'
  | 'freeChain'
  | 'beginGroup'
  | 'setGroup'
  | 'applyEntries'
  | 'applyLarge'
  | 'createMemtable'
  | 'freeMemtable'
>

/** Pointers come back signed, 64-bit numbers as (signed) BigInt. */
export interface Internals extends Shared {
  keyHash(key: number, keyLength: number): bigint
  splitKeyHash(state: number, head: number, shared: number, rest: number, restLength: number): bigint
  setKeySecret(source: number): void
  blockGetHashed(
    slot: number,
    payload: number,
    length: number,
    key: number,
    keyLength: number,
    hash: bigint,
  ): number
  cacheFind(slot: number, table: number, offset: bigint, kind: number, touch: number): number
  cacheInsert(table: number, offset: bigint, kind: number, payload: number, length: number): number
  framePayload(frame: number): number
  frameLength(frame: number): number
  frameUnpin(frame: number): void
  copyBytes(to: number, from: number, length: number): void
  loadBigEndianU64(p: number): bigint
  commonPrefix(a: number, b: number, limit: number): number
  compareBytes(a: number, aLength: number, b: number, bLength: number): number
  compareInternal(
    a: number,
    aLength: number,
    aTrailer: bigint,
    b: number,
    bLength: number,
    bTrailer: bigint,
  ): number
  compareWords(x: bigint, y: bigint): number
  equalBytes(a: number, b: number, length: number): number
  varint32Size(value: number): number
  varint64Size(value: bigint): number
  writeVarint32(p: number, value: number): number
  writeVarint64(p: number, value: bigint): number
  readVarint32(p: number, end: number): bigint
  varint64Length(p: number, end: number): number
  varint64Value(p: number, length: number): bigint
  cursorFirst(memtable: number): number
  cursorLast(memtable: number): number
  cursorSeekGE(memtable: number, key: number, keyLength: number, trailer: bigint): number
  cursorSeekLT(memtable: number, key: number, keyLength: number, trailer: bigint): number
  cursorNext(node: number): number
  cursorPrevious(memtable: number, node: number): number
  nodeKey(node: number): number
  nodeKeyLength(node: number): number
  nodeTrailer(node: number): bigint
  nodeValue(node: number): number
  nodeValueLength(node: number): number
  fencesCreate(cursor: number, payload: number, length: number, isRoot: number): number
  fencesFind(fences: number, key: number, keyLength: number): number
  fencesBytes(fences: number, isRoot: number): number
  fencesFree(fences: number, isRoot: number): void
  fenceHandle(fences: number, number: number): bigint
  fenceChildAt(fences: number, offset: bigint): number
  filterLine(hash: bigint, lines: number): number
  filterAdd(line: number, hash: bigint, probes: number): void
  filterMayContain(line: number, hash: bigint, probes: number): number
  arenaAllocate(cursor: number, total: number, bytes: number): number
  arenaFree(at: number): void
  nodeBytes(height: number, keyLength: number): number
  nodeCreate(
    at: number,
    height: number,
    keyLength: number,
    trailer: bigint,
    value: number,
    valueLength: number,
  ): number
  spliceCreate(splice: number, list: number): void
  listInsert(list: number, splice: number, node: number, height: number): number
  LZ4_SCRATCH_BYTES: WebAssembly.Global<'i32'>
  lz4Compress(from: number, length: number, to: number, capacity: number, scratch: number): number
  lz4Decompress(from: number, length: number, to: number, rawLength: number): number
}

export interface BareInternals {
  memory: WebAssembly.Memory
  x: Internals
  slot: number
  u8: Uint8Array
  u32: Uint32Array
  view: DataView
}

/** As in support.ts: the debug build, with asserts, unless VARVE_WASM names a release one. */
const target = (process.env['VARVE_WASM'] ?? 'debug').includes('debug') ? 'debug' : 'release'

let compiled: Promise<WebAssembly.Module> | undefined

/** The compiled module, to instantiate in worker threads. */
export function internalsModule(): Promise<WebAssembly.Module> {
  compiled ??= compile()
  return compiled
}

async function compile(): Promise<WebAssembly.Module> {
  const output = new Map<string, Uint8Array>()
  let messages = ''
  const { error } = await asc.main(
    ['assembly/internals.ts', '--target', target, '--outFile', 'internals.wasm', '--memoryBase', '73728'],
    {
      readFile: (name) => {
        try {
          return readFileSync(name, 'utf8')
        } catch {
          return null
        }
      },
      writeFile: (name, contents) => {
        if (typeof contents !== 'string') output.set(name, contents)
      },
      listFiles: () => null,
      stderr: {
        write: (text) => {
          messages += String(text)
        },
      },
    },
  )
  const binary = output.get('internals.wasm')
  if (error || binary === undefined) throw new Error(`assembly/internals.ts: ${messages}`)
  return new WebAssembly.Module(Uint8Array.from(binary))
}

export async function bareInternals(pages = 512): Promise<BareInternals> {
  const wasmPages = (pages * PAGE_BYTES) / 65536
  const memory = new WebAssembly.Memory({ initial: wasmPages, maximum: wasmPages, shared: true })
  const instance = new WebAssembly.Instance(await internalsModule(), {
    env: {
      memory,
      abort(_message: number, _file: number, line: number, column: number): never {
        throw new Error(`kernel assertion failed at line ${line}, column ${column}`)
      },
    },
  })
  const x = instance.exports as unknown as Internals
  x.initialise(pages, 0x9e3779b9, 0x7f4a7c15)
  return {
    memory,
    x,
    slot: x.attachSlot(0) >>> 0,
    u8: new Uint8Array(memory.buffer),
    u32: new Uint32Array(memory.buffer),
    view: new DataView(memory.buffer),
  }
}
