import { pick } from '../../support/random.ts'
import { Anomaly } from './anomaly.ts'
import { GUESTS } from './board.ts'
import { chance, pause, someDurability, type Moment, type Readable, type Site } from './site.ts'
import { idOf, notesOf, valueOf } from './values.ts'

/**
 * One list for each thread, to which it alone appends: w0/0000000, w0/0000001, … Every read of it finds a prefix without holes (but for what was trimmed at its
 * beginning), at least what was acknowledged before the read began, at most what was begun before it ended. Each entry notes where its batch ends, and how long its
 * writer had seen all lists: what one moment has of one list, it has of all that the writer had seen.
 */

/** Lists are trimmed to multiples of this, */
const TRIM = 100
/** when they have so many entries. */
const LONGEST = 400

function keyOf(list: number, position: number): string {
  return `w${list}/${String(position).padStart(7, '0')}`
}

interface Span {
  readonly first: number
  /** Behind the last. */
  readonly end: number
  readonly seen: readonly number[]
}

/** What must be there, of what was known before a read. */
interface Bounds {
  readonly least: number[]
  readonly trimmed: number[]
}

export class Lists {
  readonly #site: Site
  /** Own entries begun, the first that was not trimmed, and how long all lists were when this thread looked last. */
  #length = 0
  #first = 0
  readonly #seen: number[] = new Array<number>(GUESTS).fill(0)

  constructor(site: Site) {
    this.#site = site
  }

  // ── writing ─────────────────────────────────────────────────────────────────────────────────────────────

  async append(): Promise<void> {
    const { random } = this.#site
    const way = random()
    if (way < 0.25) this.#putSync()
    else if (way < 0.4) await this.#put()
    else if (way < 0.7) await this.#putSeveral()
    else await this.#batch(1 + pick(random, 6))
    this.#acknowledge()
    if (this.#length - this.#first >= LONGEST) await this.#trim()
  }

  #putSync(): void {
    const { db, board } = this.#site
    const [key, value] = this.#next(this.#length + 1)
    board.begin('putSync')
    db.putSync(key, value, someDurability(this.#site))
  }

  #put(): Promise<void> {
    const { db, board } = this.#site
    const [key, value] = this.#next(this.#length + 1)
    board.begin('put')
    return db.put(key, value, someDurability(this.#site))
  }

  /** Un-awaited writes: what follows them on this thread comes after them. */
  async #putSeveral(): Promise<void> {
    const site = this.#site
    const puts: Promise<void>[] = []
    const count = 1 + pick(site.random, 5)
    for (let i = 0; i < count; i++) puts.push(this.#put())
    // NOTE: where what follows throws, that is the failure, and not that these fail too.
    for (const put of puts) put.catch(() => undefined)
    const then = site.random()
    if (then < 0.3) this.#putSync()
    else if (then < 0.5) puts.push(this.#batch(2))
    else if (then < 0.7) this.#assertStagedIsInSnapshot()
    await Promise.all(puts)
    if (then >= 0.7) this.#assertOwn('get after awaited puts')
  }

  /** What this thread staged is committed before a snapshot is taken. */
  #assertStagedIsInSnapshot(): void {
    const { db, board, thread } = this.#site
    board.begin('snapshot')
    const snapshot = db.snapshot()
    try {
      const last = snapshot.lastSync({ prefix: `w${thread}/` })
      if (last?.[0] !== keyOf(thread, this.#length - 1))
        throw new Anomaly('lists', `a snapshot after ${this.#length} own puts ends with ${last?.[0]}`)
    } finally {
      snapshot.close()
    }
  }

  #assertOwn(what: string): void {
    const { db, board, thread } = this.#site
    board.begin('getSync')
    const key = keyOf(thread, this.#length - 1)
    if (idOf(db.getSync(key), key) !== this.#length)
      throw new Anomaly('lists', `${what}: the own entry ${key} is not there`)
  }

  #batch(count: number): Promise<void> {
    const site = this.#site
    const { db, board } = site
    const end = this.#length + count
    const entries = Array.from({ length: count }, () => this.#next(end))
    const options = someDurability(site)
    const operations = entries.map(([key, value]) => ({ type: 'put', key, value }) as const)
    if (chance(site, 0.5)) {
      board.begin('writeSync')
      db.writeSync(operations, options)
      return Promise.resolve()
    }
    board.begin('write')
    return db.write(operations, options)
  }

  /** The next entry, of a batch that ends at `end`. */
  #next(end: number): [string, Uint8Array] {
    const { board, thread } = this.#site
    const position = this.#length++
    board.noteInvoked(this.#length)
    return [keyOf(thread, position), valueOf(position + 1, [end, ...this.#seen])]
  }

  #acknowledge(): void {
    const { board, thread } = this.#site
    board.noteAcknowledged(this.#length)
    this.#seen[thread] = this.#length
  }

  async #trim(): Promise<void> {
    const site = this.#site
    const { db, board, thread } = site
    const first = Math.floor((this.#length - TRIM) / TRIM) * TRIM
    if (chance(site, 0.1)) {
      board.begin('dropRangeSync')
      db.dropRangeSync({ gte: keyOf(thread, 0), lt: keyOf(thread, first) })
    } else {
      const batch = db.batch()
      for (let position = this.#first; position < first; position++) batch.delete(keyOf(thread, position))
      board.begin('commit')
      await batch.commit()
    }
    this.#first = first
    board.noteTrimmed(first)
  }

  // ── reading ─────────────────────────────────────────────────────────────────────────────────────────────

  /** Reads lists in one of the ways there are. @throws Anomaly */
  async read(): Promise<void> {
    const { random } = this.#site
    const way = random()
    if (way < 0.3) this.#readEnd(pick(random, GUESTS))
    else if (way < 0.5) this.#readAcknowledged(pick(random, GUESTS))
    else if (way < 0.7) this.#readTail(pick(random, GUESTS))
    else await this.readAll()
  }

  /** All lists at one moment. `slowly`: others have turns meanwhile. */
  async readAll(slowly = false): Promise<void> {
    const site = this.#site
    const { db, board } = site
    const bounds = this.#bounds()
    const entries: [string, Uint8Array][] = []
    if (slowly || chance(site, 0.3)) {
      board.begin('range')
      for await (const entry of db.range({ prefix: 'w' })) {
        entries.push(entry)
        if (slowly && chance(site, 0.02)) {
          await pause(site)
          board.begin('range')
        }
      }
    } else {
      board.begin('rangeSync')
      entries.push(...db.rangeSync({ prefix: 'w' }))
    }
    this.#check('a range over all lists', spansOf(entries), bounds)
  }

  #readTail(list: number): void {
    const { db, board } = this.#site
    const bounds = this.#bounds()
    board.begin('rangeSync')
    const entries = [...db.rangeSync({ prefix: `w${list}/`, reverse: true, limit: 30 })]
    const span = spanOf(list, entries.reverse())
    this.#checkList('the end of a list', list, span, bounds)
  }

  #readEnd(list: number): void {
    const { db, board } = this.#site
    const bounds = this.#bounds()
    board.begin('rangeSync')
    const last = db.lastSync({ prefix: `w${list}/` })
    this.#checkList('last', list, spanOf(list, last === undefined ? [] : [last]), bounds)
  }

  /** What was acknowledged is there; behind it nothing after a hole. */
  #readAcknowledged(list: number): void {
    const { db, board } = this.#site
    const { least } = this.#bounds()
    const end = least[list] ?? 0
    if (end === 0) return
    const keys = Array.from({ length: 6 }, (_, i) => keyOf(list, end - 1 + i))
    board.begin('getManySync')
    const ids = db.getManySync(keys).map((value, i) => idOf(value, keys[i] ?? ''))
    const isPrefix = ids[0] === end && ids.every((id, i) => i === 0 || id === 0 || ids[i - 1] === id - 1)
    if (!isPrefix)
      throw new Anomaly('lists', `getMany at the end ${end} of list ${list} found ${ids.join(' ')}`)
  }

  /** What a snapshot has, as text. `bounds`: of before it was taken, if it is new. */
  at(snapshot: Moment, bounds?: Bounds): string {
    const reads: Readable = this.#site.db.at(snapshot)
    const spans = spansOf(reads.rangeSync({ prefix: 'w' }))
    if (bounds !== undefined) this.#check('a snapshot', spans, bounds)
    return `lists ${spans.map(({ first, end }) => `${first}-${end}`).join()}`
  }

  boundsBefore(): Bounds {
    return this.#bounds()
  }

  #bounds(): Bounds {
    const { board } = this.#site
    const of = (list: number): number => Math.max(board.acknowledged(list), this.#seen[list] ?? 0)
    const lists = [...Array(GUESTS).keys()]
    return { least: lists.map(of), trimmed: lists.map((list) => board.trimmed(list)) }
  }

  #check(what: string, spans: readonly Span[], bounds: Bounds): void {
    for (const [list, span] of spans.entries()) {
      this.#checkList(what, list, span, bounds)
      if (span.first % TRIM !== 0 || span.first < (bounds.trimmed[list] ?? 0))
        throw new Anomaly('lists', `${what}: list ${list} begins at ${span.first}`)
      for (const [seen, { end }] of spans.entries()) {
        if ((span.seen[seen] ?? 0) > end) {
          throw new Anomaly(
            'lists',
            `${what} has entry ${span.end - 1} of list ${list}, whose writer saw ${span.seen[seen]} entries of list ${seen}, but only ${end} of that`,
          )
        }
      }
    }
  }

  #checkList(what: string, list: number, { end }: Span, { least }: Bounds): void {
    const { board } = this.#site
    const most = board.invoked(list)
    if (end < (least[list] ?? 0) || end > most)
      throw new Anomaly('lists', `${what}: list ${list} has ${end} entries, not ${least[list]} to ${most}`)
    this.#seen[list] = Math.max(this.#seen[list] ?? 0, end)
  }
}

/** The lists that entries belong to. @throws Anomaly */
export function spansOf(entries: Iterable<readonly [string, Uint8Array]>): Span[] {
  const lists = Array.from({ length: GUESTS }, (): (readonly [string, Uint8Array])[] => [])
  for (const entry of entries) lists[Number(entry[0][1])]?.push(entry)
  return lists.map((own, list) => spanOf(list, own))
}

/** Entries of one list, in order, without holes, to the end of a batch. @throws Anomaly */
function spanOf(list: number, entries: readonly (readonly [string, Uint8Array])[]): Span {
  const [[firstKey] = ['']] = entries
  const first = entries.length === 0 ? 0 : Number(firstKey.slice(3))
  for (const [i, [key, value]] of entries.entries()) {
    if (key !== keyOf(list, first + i))
      throw new Anomaly('lists', `list ${list} has a hole: ${keyOf(list, first + i)} before ${key}`)
    if (idOf(value, key) !== first + i + 1) throw new Anomaly('lists', `${key} has another entry's value`)
  }
  const end = first + entries.length
  const [batchEnd = 0, ...seen] =
    entries.length === 0 ? [] : notesOf((entries.at(-1) ?? ['', new Uint8Array()])[1])
  if (batchEnd > end)
    throw new Anomaly('lists', `list ${list} ends with ${end}, within a batch that ends with ${batchEnd}`)
  return { first, end, seen }
}
