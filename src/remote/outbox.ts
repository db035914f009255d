import { Arena } from './arena.ts'
import type { AnswersMessage, News } from './messages.ts'
import type { KeyspaceFigures } from './mirror.ts'

export type Post = (message: AnswersMessage, buffers: ArrayBuffer[]) => void

/** News of which a message can have several. */
type Lists = Required<Pick<News, 'failures' | 'events' | 'progress'>>

/** Longest time between two reports of figures while there are answers: as long as nobody looks at them, and then. NOTE: they cost as much as some hundred reads. */
const FIGURES_MS = 1000
const FIGURES_FOLLOWED_MS = 100

/** What one page is to hear next: answers and news of a turn leave in one message. */
export class Outbox {
  /** Where the bytes of answers are put. */
  readonly arena: Arena = new Arena()
  /** Buffers that belong to the next message, beside the arena's. */
  buffers: ArrayBuffer[] = []
  news: News = {}
  readonly #post: Post
  readonly #figures: () => KeyspaceFigures | undefined
  #ids: number[] = []
  #results: unknown[] = []
  #isFlushScheduled = false
  #figuresAt = 0
  #figuresMs = FIGURES_MS
  #hasEnded = false

  constructor(post: Post, figures: () => KeyspaceFigures | undefined) {
    this.#post = post
    this.#figures = figures
  }

  answer(id: number, result: unknown): void {
    this.#ids.push(id)
    this.#results.push(result)
  }

  tell<N extends keyof Lists>(name: N, item: Lists[N][number]): void {
    const list: unknown[] = (this.news[name] ??= [])
    list.push(item)
    this.flushSoon()
  }

  /** The next message brings figures. */
  renewFigures(): void {
    this.#figuresAt = 0
  }

  /** Somebody looks at figures. */
  follow(): void {
    this.#figuresMs = FIGURES_FOLLOWED_MS
  }

  flushSoon(): void {
    if (this.#isFlushScheduled) return
    this.#isFlushScheduled = true
    queueMicrotask(() => {
      this.#isFlushScheduled = false
      this.flush()
    })
  }

  flush(): void {
    if (this.#hasEnded) return
    const { news } = this
    let hasNews = hasAny(news)
    if (this.#ids.length === 0 && !hasNews) return
    const now = Date.now()
    if (now - this.#figuresAt >= this.#figuresMs) {
      const figures = this.#figures()
      if (figures !== undefined) news.figures = figures
      this.#figuresAt = now
      hasNews = true
    }
    const answers: AnswersMessage = [shortened(this.#ids), this.#results]
    if (hasNews) answers.push(news)
    const buffers = [...this.buffers, ...this.arena.take()]
    this.#ids = []
    this.#results = []
    this.news = {}
    this.buffers = []
    this.#post(answers, buffers)
  }

  /** Nothing more is posted. */
  end(): void {
    this.#hasEnded = true
  }
}

function hasAny(news: News): boolean {
  for (const _ in news) return true
  return false
}

/** Numbers that follow each other are said by the first. */
function shortened(ids: number[]): number | number[] {
  const [first = 0] = ids
  for (let i = 1; i < ids.length; i++) if (ids[i] !== first + i) return ids
  return first
}
