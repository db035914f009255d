/** The build whose interleavings are explored: what it exports, and what its points tell. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import type { KernelExports } from '../../../src/kernel/exports.ts'
import type { Internals } from '../../kernel/internals.ts'

/** Kinds of points, as in assembly/explored/atomic.ts. */
export const LOAD = 0
export const STORE = 1
export const ADD = 2
export const EXCHANGE = 3
/** Added to a kind: the word has 64 bits. */
export const WIDE = 4

/** What assembly/explored/index.ts exports: some of the kernel's exports, and more. Pointers come back signed, 64-bit numbers as (signed) BigInt. */
export interface ExploredExports
  extends
    KernelExports,
    Pick<
      Internals,
      | 'cursorFirst'
      | 'cursorLast'
      | 'cursorNext'
      | 'cursorPrevious'
      | 'cursorSeekGE'
      | 'cursorSeekLT'
      | 'nodeCreate'
      | 'spliceCreate'
      | 'listInsert'
    > {
  cacheFind(slot: number, table: number, offset: bigint, kind: number, touch: number): number
  cacheHolds(table: number, offset: bigint): number
  cacheInsert(table: number, offset: bigint, kind: number, payload: number, length: number): number
  frameUnpin(frame: number): void
  /** As Atomics does in TypeScript. */
  loadWord(address: number): number
  storeWord(address: number, value: number): void
}

/** What the asyncify pass adds. */
export interface AsyncifyExports {
  asyncify_start_unwind(buffer: number): void
  asyncify_stop_unwind(): void
  asyncify_start_rewind(buffer: number): void
  asyncify_stop_rewind(): void
}

export interface ExploredKernel {
  readonly explored: WebAssembly.Module
  /** The kernel as it is shipped, to build up what is explored. */
  readonly shipped: WebAssembly.Module
  /** For each place in the code with an atomic access: the function it is in, and what it does. */
  readonly places: readonly string[]
}

let loaded: ExploredKernel | undefined

/** Builds it if need be. */
export function exploredKernel(): ExploredKernel {
  if (loaded === undefined) {
    const { status } = spawnSync(process.execPath, ['scripts/build-explored.mjs'], { stdio: 'inherit' })
    if (status !== 0) throw new Error('the explored kernel could not be built')
    loaded = {
      explored: new WebAssembly.Module(readFileSync('build/explored.wasm')),
      shipped: new WebAssembly.Module(readFileSync('build/varve.wasm')),
      places: JSON.parse(readFileSync('build/explored.json', 'utf8')) as string[],
    }
  }
  return loaded
}
