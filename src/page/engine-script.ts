import type { Database } from '../api/database.ts'
import type { MemoryReads, SharedReads } from '../api/memory-reads.ts'
import type { CreateWorker, KeyEncoding, OpenOptions, ValueEncoding } from '../api/types.ts'
import { VarveError } from '../errors.ts'
import type { Page, RangeMode } from '../remote/messages.ts'
import type { WireView } from '../remote/served-range.ts'
import { engineSource } from './engine-source.generated.ts'

/** What a page takes out of the script of the engine, if its worker's memory is shared. */
export interface MemoryReader {
  readMemory(shared: SharedReads, onReadEnded: () => void): MemoryReads
  shortRange(view: WireView, mode: RangeMode, range: object): Page | undefined
}

/** What that has for a worker of the user's own. */
export interface EngineModule extends MemoryReader {
  open<KE extends KeyEncoding, VE extends ValueEncoding>(
    location: string,
    options?: OpenOptions<KE, VE>,
  ): Promise<Database<KE, VE>>
  destroy(location: string): Promise<void>
  exportDatabase(location: string): Promise<ReadableStream<Uint8Array<ArrayBuffer>>>
  importDatabase(location: string, stream: ReadableStream<Uint8Array>): Promise<void>
}

let loaded: Promise<EngineModule> | undefined

/** The engine in this worker, or on a page that reads in the memory of its worker. NOTE: of the same text that pages start their workers with, so that a page need not have it twice. */
export function loadEngine(): Promise<EngineModule> {
  loaded ??= importText(
    `${engineSource};export const{open,destroy,exportDatabase,importDatabase,readMemory,shortRange}=varveEngine`,
  )
  return loaded
}

async function importText(text: string): Promise<EngineModule> {
  const url = URL.createObjectURL(new Blob([text], { type: 'text/javascript' }))
  try {
    return (await import(/* webpackIgnore: true */ /* @vite-ignore */ url)) as EngineModule
  } finally {
    URL.revokeObjectURL(url)
  }
}

/** A page's worker, which opens and serves one database. @throws NOT_SUPPORTED, TypeError, and what the user's createWorker throws */
export function startWorker(createWorker: CreateWorker | undefined): Worker {
  if (typeof Worker === 'undefined')
    throw new VarveError('NOT_SUPPORTED', 'varve stores nothing here: no worker can be started.')
  const source = `${engineSource};varveEngine.serve(self)`
  if (createWorker !== undefined) return checkedWorker(createWorker(source, { name: 'varve' }))
  const url = URL.createObjectURL(new Blob([source], { type: 'text/javascript' }))
  try {
    return new Worker(url, { name: 'varve' })
  } finally {
    // NOTE: the worker has begun to load it.
    URL.revokeObjectURL(url)
  }
}

/** @throws TypeError */
function checkedWorker(made: unknown): Worker {
  const { postMessage, terminate } = (made ?? {}) as Partial<Worker>
  if (typeof postMessage !== 'function' || typeof terminate !== 'function')
    throw new TypeError('createWorker must return a Worker')
  return made as Worker
}

/** What a worker's `error` event means. */
export function notStarted(why: string | undefined): VarveError {
  const said = why === undefined || why === '' ? 'it could not be started' : why
  return new VarveError(
    'NOT_SUPPORTED',
    `The worker of the database failed: ${said}. Where a content security policy forbids workers made of text, pass createWorker.`,
  )
}
