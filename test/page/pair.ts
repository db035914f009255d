/** A page and who serves it in one thread: what they say to each other is cloned as a message is. */
import type { Database } from '../../src/api/database.ts'
import { openOn } from '../../src/api/open.ts'
import type { KeyEncoding, OpenOptions, ValueEncoding } from '../../src/api/types.ts'
import type { FileSystem } from '../../src/fs/filesystem.ts'
import { memoryFileSystem } from '../../src/fs/memory.ts'
import type { ConnectionRequest } from '../../src/page/connection.ts'
import { openOver } from '../../src/page/open.ts'
import * as reader from '../../src/remote/engine.ts'
import type { AnswersMessage, CallsMessage } from '../../src/remote/messages.ts'
import { Session, type Served } from '../../src/remote/session.ts'

export const SMALL_MEMORY: number = 32 << 20

export interface Pair {
  readonly page: Database<KeyEncoding, ValueEncoding>
  readonly served: Served
  /** Messages that went each way. */
  readonly calls: CallsMessage[]
  readonly answers: AnswersMessage[]
  /** Who serves goes: with a word (then what it was asked is answered first), or without. */
  readonly leave: () => Promise<void>
  readonly die: () => void
  /** Answers are held back, or go again. */
  readonly hold: () => void
  readonly letGo: () => void
  /** Another one serves, on the same files. */
  readonly succeed: () => Promise<void>
}

/** Each message takes a turn. */
export async function openPair<KE extends KeyEncoding = 'utf8', VE extends ValueEncoding = 'utf8'>(
  options: OpenOptions<KE, VE> | undefined = undefined,
  fileSystem: FileSystem = memoryFileSystem(),
  sharesMemory: boolean = false,
): Promise<Pair & { page: Database<KE, VE> }> {
  const given = options ?? { keyEncoding: 'utf8', valueEncoding: 'utf8' }
  const calls: CallsMessage[] = []
  const answers: AnswersMessage[] = []
  let request: ConnectionRequest | undefined
  let served: Served | undefined
  let session: Session | undefined
  let held: (() => void)[] | undefined
  let generation = 0

  async function serve(): Promise<void> {
    const { options: wired, line, views, onOpening } = request as ConnectionRequest
    const mine = ++generation
    const db = await openOn(fileSystem, engineOptions(wired))
    served = db
    const post = (message: AnswersMessage, buffers: ArrayBuffer[]): void => {
      const copy = structuredClone(message, { transfer: buffers })
      const deliver = (): void => {
        if (mine !== generation) return
        answers.push(copy)
        line.receive(copy)
      }
      setImmediate(() => (held === undefined ? deliver() : held.push(deliver)))
    }
    const current = new Session(db, post, () => db.close(), sharesMemory)
    session = current
    onOpening(structuredClone(current.opening()), true)
    line.connect((message) => {
      calls.push(message)
      const copy = structuredClone(message)
      setImmediate(() => {
        if (mine === generation) current.receive(copy)
      })
    }, views.calls)
  }

  const page = await openOver(
    'page',
    { memoryLimit: SMALL_MEMORY, ...given },
    async (asked) => {
      request = asked
      await serve()
      return { end: () => {} }
    },
    sharesMemory ? async () => reader : undefined,
  )
  return {
    page: page as unknown as Database<KE, VE>,
    get served() {
      return served as Served
    },
    calls,
    answers,
    hold: () => {
      held ??= []
    },
    letGo: () => {
      const waiting = held ?? []
      held = undefined
      for (const deliver of waiting) deliver()
    },
    leave: async () => {
      await session?.leave()
      await new Promise((resolve) => setImmediate(resolve))
      await served?.close()
    },
    die: () => {
      generation++
      session?.end()
      request?.line.disconnect(undefined)
    },
    succeed: async () => {
      await served?.close()
      await serve()
    },
  }
}

function engineOptions(options: object): OpenOptions<'bytes', 'bytes'> {
  const custom = { encode: (bytes: Uint8Array) => bytes, decode: (bytes: Uint8Array) => bytes }
  const named = options as { keyEncoding?: unknown; valueEncoding?: unknown }
  const encodings = {
    keyEncoding: named.keyEncoding === 'custom' ? custom : named.keyEncoding,
    valueEncoding: named.valueEncoding === 'custom' ? custom : named.valueEncoding,
  }
  return { ...options, ...encodings, threads: 0 } as OpenOptions<'bytes', 'bytes'>
}
