/** How a page, its worker and the other tabs find out who has the database. Calls and answers are in messages.ts. */
import type { AnswersMessage, CallsMessage } from './messages.ts'
import type { Opening } from './mirror.ts'
import type { PlainError } from './plain-error.ts'

/** A page asks its own worker to have a database. */
export interface OpenMessage {
  readonly kind: 'open'
  readonly location: string
  /** Of `open`, as they can travel. */
  readonly options: object
  /** Whether other tabs may have it at the same time. */
  readonly isShared: boolean
  /** The page's name, chosen at random. */
  readonly client: string
  /** The page has had it open before: it may neither be created nor refused for being there. */
  readonly isAgain: boolean
}

/** What a page says to its own worker. */
export type ToWorker =
  | OpenMessage
  /** Calls of who has the database since `term`: of an earlier time they are not begun. */
  | [term: number, calls: CallsMessage]
  /** Another tab serves the page: it has the database open now. */
  | { kind: 'welcomed' }
  /** The page is about to be frozen or closed: let another tab have the database. */
  | { kind: 'release' }
  /** It is awake again. */
  | { kind: 'resume' }
  /** At the other end of the port is a worker that helps who has the database since `term`, and has that lock as long as it lives. */
  | { kind: 'helper'; term: number; port: MessagePort; lock: string }
  /** This worker helps another one. */
  | { kind: 'help'; port: MessagePort; lock: string }
  | Errand

/** What is done with a database that nobody has open. */
export type Errand =
  | { kind: 'destroy'; location: string }
  | { kind: 'export'; location: string }
  | { kind: 'import'; location: string; stream: ReadableStream<Uint8Array> }

/** What a worker says to its page. */
export type FromWorker =
  /** It has the lock that says that it is alive. */
  | { kind: 'started' }
  | { kind: 'serving'; opening: Opening; term: number }
  /** Another tab has the database; this worker waits until that one goes. */
  | { kind: 'standby' }
  /** A second worker could help now. */
  | { kind: 'helper-wanted'; term: number }
  | { kind: 'failed'; error: PlainError }
  | AnswersMessage

/** What it says of an errand: a stream first, if that is what was asked for. */
export type FromErrand =
  | { kind: 'stream'; stream: ReadableStream<Uint8Array<ArrayBuffer>> }
  | { kind: 'done' }
  | { kind: 'failed'; error: PlainError }

/** On the channel that all tabs with the database listen to. */
export type ToAll =
  /** A page looks for who serves, and listens on the line of that name. */
  | { kind: 'hello'; client: string; line: string }
  /** The worker of that page has the database now; `term`: for this time. */
  | { kind: 'serving'; client: string; term: string }

/** On the line of one page and the worker that serves it. INVARIANT: each hello has a line of its own: what is heard on it is of that server. */
export type OnLine =
  | { kind: 'welcome'; opening: Opening; term: string }
  | { kind: 'refused'; error: PlainError }
  | { kind: 'calls'; message: CallsMessage }
  | { kind: 'answers'; message: AnswersMessage }

/** Names of Web Locks and channels. `path`: of the directory, in its one spelling. */
export const names: {
  /** Lock: who has the database among those that serve other tabs. */
  readonly serving: (path: string) => string
  /** Channel of all tabs. */
  readonly all: (path: string) => string
  /** Channel of one page and who serves it. */
  readonly line: (path: string, line: string) => string
  /** Lock: a page is alive. */
  readonly page: (client: string) => string
  /** Lock: the worker of a page is alive. */
  readonly worker: (client: string) => string
  /** Lock: a worker that helps is alive. */
  readonly helper: (id: string) => string
} = {
  serving: (path) => `varve-serving:${path}`,
  all: (path) => `varve-tabs:${path}`,
  line: (path, line) => `varve-tab:${path}:${line}`,
  page: (client) => `varve-page:${client}`,
  worker: (client) => `varve-worker:${client}`,
  helper: (id) => `varve-helper:${id}`,
}
