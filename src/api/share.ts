import { SLOT_COUNT } from '../../assembly/memory/layout.ts'
import type { Engine } from '../engine/engine.ts'
import type { SharedEnds } from '../engine/keeper-port.ts'
import type { RecoveryReport } from '../engine/read-database.ts'
import type { EngineOptions } from '../engine/thread.ts'
import { kernelModule } from '../kernel/load.ts'

const KIND = 'varve.shared.1'

/**
 * What another thread needs to use a database: post it there with `transfer`, and call `attach` on it. It serves one thread, once.
 * What it holds is nobody's business.
 */
export interface SharedDatabase {
  /** To be named when it is posted: `worker.postMessage(handle, handle.transfer)`. */
  readonly transfer: readonly Transferable[]
}

type Transferable = Parameters<typeof structuredClone>[1] extends
  { transfer?: readonly (infer T)[] } | undefined
  ? T
  : object

/** The same, as `attach` finds it. */
export interface Handle extends SharedDatabase {
  readonly kind: typeof KIND
  readonly memory: WebAssembly.Memory
  readonly module: WebAssembly.Module
  readonly directory: unknown
  readonly options: EngineOptions
  readonly recovery: RecoveryReport
  readonly slot: number
  readonly calls: unknown
  readonly liveness: unknown
  /** Those of `open` that can be posted. */
  readonly keyEncoding: string | undefined
  readonly valueEncoding: string | undefined
}

/** Ports of handles that this thread has attached to already. */
const used = new WeakSet<object>()

export function makeHandle(
  { kernel, options, fileSystem, recovery }: Engine,
  { slot, calls, liveness }: SharedEnds,
  keyEncoding: unknown,
  valueEncoding: unknown,
): SharedDatabase {
  const handle: Handle = {
    kind: KIND,
    transfer: [calls, liveness] as Transferable[],
    memory: kernel.memory,
    module: kernelModule(),
    directory: fileSystem.share?.(),
    options,
    recovery,
    slot,
    calls,
    liveness,
    keyEncoding: typeof keyEncoding === 'string' ? keyEncoding : undefined,
    valueEncoding: typeof valueEncoding === 'string' ? valueEncoding : undefined,
  }
  return handle
}

/** What share() made, for the first and only time. @throws TypeError */
export function useHandle(handle: unknown): Handle {
  const found = (typeof handle === 'object' && handle !== null ? handle : {}) as Partial<Handle>
  const { memory, module, slot } = found
  const isHandle =
    found.kind === KIND &&
    memory instanceof WebAssembly.Memory &&
    module instanceof WebAssembly.Module &&
    typeof slot === 'number' &&
    Number.isInteger(slot) &&
    slot >= 0 &&
    slot < SLOT_COUNT &&
    typeof found.calls === 'object' &&
    found.calls !== null
  if (!isHandle)
    throw new TypeError('attach takes what share() returned, posted to this thread with its transfer')
  if (used.has(found.calls)) {
    throw new TypeError('a thread has attached to this handle already; share() makes one for each thread')
  }
  used.add(found.calls)
  return found as Handle
}
