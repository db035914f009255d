import { CONTROL_HISTORIES } from '../../assembly/memory/layout.ts'
import { Engine } from '../engine/engine.ts'
import type { KeeperPort, ServiceResult, ServiceName, SharedEnds } from '../engine/keeper-port.ts'
import type { RecoveryReport } from '../engine/read-database.ts'
import { DatabaseThread, type EngineOptions } from '../engine/thread.ts'
import type { TreeIdentity } from '../engine/tree-door.ts'
import type { File, FileSystem } from '../fs/filesystem.ts'
import { memoryFileSystem } from '../fs/memory.ts'
import { Kernel } from '../kernel/kernel.ts'
import { kernelModule, useKernelModule } from '../kernel/load.ts'
import { makeCodecs } from './encoding.ts'
import { Keyspace } from './keyspace.ts'
import { ResultPool } from './result-pool.ts'

/** What another thread needs to read in the memory of a database, as it is posted there. */
export interface SharedReads {
  readonly memory: WebAssembly.Memory
  readonly module: WebAssembly.Module
  /** Index of the slot that is kept for it. */
  readonly slot: number
  readonly options: EngineOptions
  readonly recovery: RecoveryReport
}

/** How keys or values are read: as they are stored. */
type Raw = 'bytes' | 'utf8'

/** Lets one more thread read in a database's memory, for as long as it is open; undefined if as many threads as there can be have it. */
export function shareReads(engine: Engine): SharedReads | undefined {
  const { kernel, options, recovery } = engine
  const slot = engine.admitReader()
  if (slot === undefined) return undefined
  return { memory: kernel.memory, module: kernelModule(), slot, options, recovery }
}

/** What is thrown where a read needs more than the memory. */
const ELSEWHERE = Symbol('elsewhere')

function elsewhere(): never {
  throw ELSEWHERE
}

/**
 * The reads of a thread that has nothing of a database but its memory: no files, no keeper, and it may never sleep (a browser's page). Where a read needs one of these it throws, whatever;
 * then somebody else is asked.
 *
 * INVARIANT: a read is one synchronous step, between enterRead and leaveRead; nothing is kept beyond it.
 */
export class MemoryReads {
  readonly #engine: Engine
  readonly #pool: ResultPool

  /** `onReadEnded`: something may be freed now that waited for a read of this thread. @throws NO_MEMORY, CLOSED */
  constructor({ memory, module, slot, options, recovery }: SharedReads, onReadEnded: () => void) {
    useKernelModule(module)
    const kernel = Kernel.attach(memory, slot)
    const thread = new DatabaseThread(kernel, noFiles(), options, false)
    thread.giveUp = elsewhere
    thread.onSnapshotEnd = () => {
      if (Atomics.load(kernel.words, CONTROL_HISTORIES >>> 2) > 0) onReadEnded()
    }
    this.#engine = new Engine(thread, new NoKeeper(), undefined, recovery)
    this.#pool = new ResultPool(this.#engine.kernel)
  }

  /** After a read that threw: it may have thrown anywhere. */
  endRead(): void {
    this.#engine.thread.endRead()
  }

  /** Its synchronous reads are meant, and nothing else of it. */
  keyspace(identity: TreeIdentity, keys: Raw, values: Raw): Keyspace<Raw, Raw> {
    const engine = this.#engine
    const codecs = makeCodecs(keys, values, engine.kernel, this.#pool)
    return new Keyspace({
      engine,
      tree: engine.openTree(identity),
      pool: this.#pool,
      lifeline: {},
      ...codecs,
    })
  }
}

/** Files that are open somewhere else. */
function noFiles(): FileSystem {
  return Object.assign(memoryFileSystem(), { adopt: (name: string): File => new FileElsewhere(name) })
}

class FileElsewhere implements File {
  readonly name: string
  readonly descriptor = -1

  constructor(name: string) {
    this.name = name
  }

  readonly size: () => never = elsewhere
  readonly read: () => never = elsewhere
  readonly write: () => never = elsewhere
  readonly truncate: () => never = elsewhere
  readonly sync: () => never = elsewhere

  async syncAsync(): Promise<void> {
    elsewhere()
  }

  close(): void {}
}

class NoKeeper implements KeeperPort {
  readonly begun = true
  readonly call: () => never = elsewhere
  readonly mustWait: () => never = elsewhere
  readonly prepareRoom: () => never = elsewhere
  readonly noteUnsynced: () => never = elsewhere

  async ask<N extends ServiceName>(): Promise<Awaited<ServiceResult<N>>> {
    elsewhere()
  }

  async progress(): Promise<void> {
    elsewhere()
  }

  async finish(): Promise<void> {}

  awaitFinish(): boolean {
    return false
  }

  close(): void {}

  async share(): Promise<SharedEnds> {
    elsewhere()
  }
}
