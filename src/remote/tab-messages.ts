/** How a page, its worker and the other tabs find out who has the database. Calls and answers are in messages.ts. */
import type { AnswersMessage, CallsMessage } from './messages.ts'
import type { Opening } from './mirror.ts'
import type { PlainError } from './plain-error.ts'

/** What a page says to its own worker. `client`: the page's name, chosen at random. */
export type ToWorker =
  | { kind: 'open'; location: string; options: object; isShared: boolean; client: string }
  | { kind: 'calls'; message: CallsMessage }
  /** The page is about to be frozen: let another tab have the database. */
  | { kind: 'release' }
  /** It is awake again. */
  | { kind: 'resume' }
  | { kind: 'destroy'; location: string }
  | { kind: 'export'; location: string }
  | { kind: 'import'; location: string; stream: ReadableStream<Uint8Array> }

/** What a worker says to its page. */
export type FromWorker =
  | { kind: 'serving'; opening: Opening }
  /** Another tab has the database; this worker waits until that one goes. */
  | { kind: 'standby' }
  | { kind: 'failed'; error: PlainError }
  | { kind: 'answers'; message: AnswersMessage }
  | { kind: 'done' }
  | { kind: 'stream'; stream: ReadableStream<Uint8Array<ArrayBuffer>> }

/** On the channel that all tabs with the database listen to. */
export type ToAll =
  /** A page looks for who serves. */
  | { kind: 'hello'; client: string }
  /** The worker of that page has the database now. */
  | { kind: 'serving'; client: string }

/** On the channel of one page and the worker that serves it. */
export type OnLine =
  | { kind: 'welcome'; opening: Opening }
  | { kind: 'refused'; error: PlainError }
  | { kind: 'calls'; message: CallsMessage }
  | { kind: 'answers'; message: AnswersMessage }

/** Names of Web Locks and channels. `path`: of the directory, in its one spelling. */
export const names: {
  /** Lock: who has the database among those that serve other tabs. */
  readonly serving: (path: string) => string
  /** Channel of all tabs. */
  readonly all: (path: string) => string
  /** Channel of one page. */
  readonly line: (path: string, client: string) => string
  /** Lock: a page is alive. */
  readonly page: (client: string) => string
  /** Lock: the worker of a page is alive. */
  readonly worker: (client: string) => string
} = {
  serving: (path) => `varve-serving:${path}`,
  all: (path) => `varve-tabs:${path}`,
  line: (path, client) => `varve-tab:${path}:${client}`,
  page: (client) => `varve-page:${client}`,
  worker: (client) => `varve-worker:${client}`,
}
