/** A process that opens databases when it is told to: node contender.mjs <library>. Told and answered by IPC. */
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import type * as Varve from '../../../src/index.ts'

export type Command =
  /** Under a handle's name; `copy`: of the library, for a second one; `atMs`: not before. */
  | {
      readonly do: 'open'
      readonly location: string
      readonly name: string
      readonly copy?: number
      readonly atMs?: number
    }
  | { readonly do: 'put' | 'get'; readonly name: string; readonly key: string }
  | { readonly do: 'close' | 'forget'; readonly name: string }
  /** On another thread of this process, which holds it until it is ended. */
  | { readonly do: 'openOnThread'; readonly location: string }
  | { readonly do: 'endThread' }
  | { readonly do: 'collect' }

export interface Answer {
  /** `ok`, or the code of the error. */
  readonly code: string
  readonly message: string
  /** How long it took. */
  readonly ms: number
}

type Store = Varve.Database<'bytes', 'bytes'>
type Code = Pick<Answer, 'code' | 'message'>

const library = isMainThread ? (process.argv[2] ?? '') : (workerData as { library: string }).library
const handles = new Map<string, Store>()
let thread: Worker | undefined

async function openHere(location: string, copy = 0): Promise<Store> {
  const { open } = (await import(copy === 0 ? library : `${library}?copy=${copy}`)) as typeof Varve
  return open(location, { memoryLimit: 16 << 20 })
}

function handle(name: string): Store {
  const found = handles.get(name)
  if (found === undefined) throw new Error(`there is no handle ${name}`)
  return found
}

async function carryOut(command: Command): Promise<Code> {
  switch (command.do) {
    case 'open':
      handles.set(command.name, await openHere(command.location, command.copy))
      break
    case 'put':
      handle(command.name).putSync(command.key, 'there')
      break
    case 'get': {
      const value = handle(command.name).getSync(command.key)
      return { code: 'ok', message: value === undefined ? 'nothing' : new TextDecoder().decode(value) }
    }
    case 'close':
      await handle(command.name).close()
      handles.delete(command.name)
      break
    case 'forget':
      handles.delete(command.name)
      break
    case 'openOnThread':
      return openOnThread(command.location)
    case 'endThread':
      await thread?.terminate()
      break
    case 'collect':
      globalThis.gc?.()
  }
  return { code: 'ok', message: '' }
}

function openOnThread(location: string): Promise<Code> {
  const worker = new Worker(new URL(import.meta.url), { workerData: { library, location } })
  thread = worker
  return new Promise((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('error', reject)
  })
}

function codeOf(error: unknown): Code {
  const { code, stack, message } = error as { code?: string; stack?: string; message?: string }
  return { code: code ?? 'ERROR', message: code === undefined ? String(stack) : String(message) }
}

async function answer(command: Command): Promise<Answer> {
  // NOTE: it turns until the moment comes, to be there in time.
  if (command.do === 'open') while (Date.now() < (command.atMs ?? 0));
  const startMs = performance.now()
  const said = await carryOut(command).catch(codeOf)
  return { ...said, ms: performance.now() - startMs }
}

if (isMainThread) {
  await import(library)
  process.on('message', (command: Command) => void answer(command).then((said) => process.send?.(said)))
  process.send?.({ code: 'ready', message: '', ms: 0 } satisfies Answer)
} else {
  const { location } = workerData as { location: string }
  const said = await openHere(location).then(
    (db): Code => {
      // NOTE: it is held as long as the thread lives.
      handles.set('thread', db)
      setInterval(() => handles.size, 1000)
      return { code: 'ok', message: '' }
    },
    (error: unknown): Code => codeOf(error),
  )
  parentPort?.postMessage(said)
}
