import type { Engine } from '../engine/engine.ts'
import type { RangeCursor } from '../engine/range-cursor.ts'
import type { OpenSnapshot } from '../engine/snapshots.ts'

/**
 * What a program forgot to close is released when it is collected as garbage, with one warning of each kind.
 *
 * INVARIANT: what a registry holds must not lead to what is registered, or that is never collected. A cursor and an engine know
 * nothing of the objects of this API; those know them.
 */

type Kind = 'ITERATOR' | 'SNAPSHOT' | 'DATABASE'

const ADVICE: Record<Kind, string> = {
  ITERATOR: 'An iterator was forgotten half-way; end it with return(), or leave its for loop with break.',
  SNAPSHOT: 'A snapshot was forgotten; end it with close().',
  DATABASE: 'A database was forgotten while it was open; end it with close().',
}

const warned = new Set<Kind>()

/** Says it once of each kind. */
export function warn(kind: Kind): void {
  if (warned.has(kind)) return
  warned.add(kind)
  const code = `VARVE_FORGOTTEN_${kind}`
  const message = `${ADVICE[kind]} It was closed now that nobody can reach it; further ones go unmentioned.`
  if (typeof process === 'object' && typeof process.emitWarning === 'function') {
    process.emitWarning(message, { type: 'VarveWarning', code })
  } else console.warn(`${code}: ${message}`)
}

// ── iterators ─────────────────────────────────────────────────────────────────────────────────────────────

/** What an iteration has to tell about itself. */
export interface WatchedIterator {
  readonly cursor: RangeCursor
  readonly open: boolean
  /** Set when it is in the registry. */
  watched: boolean
}

const iterators = new FinalizationRegistry<RangeCursor>((cursor) => {
  cursor.close()
  warn('ITERATOR')
})

/**
 * The iteration begun last, until another one begins or the turn ends. NOTE: registering costs as much as reading some entries, and most
 * iterations are over by then.
 */
let youngest: WatchedIterator | undefined
let settling = false

/** Releases the cursor if the iteration is forgotten. The iteration calls `unwatchIterator` at its end if it is `watched`. */
export function watchIterator(iterator: WatchedIterator): void {
  if (youngest !== undefined) registerYoungest(youngest)
  youngest = iterator
  if (settling) return
  settling = true
  queueMicrotask(endOfTurn)
}

export function unwatchIterator(iterator: WatchedIterator): void {
  iterators.unregister(iterator)
}

function endOfTurn(): void {
  settling = false
  if (youngest !== undefined) registerYoungest(youngest)
  youngest = undefined
}

function registerYoungest(iterator: WatchedIterator): void {
  if (!iterator.open) return
  iterator.watched = true
  iterators.register(iterator, iterator.cursor, iterator)
}

// ── snapshots ─────────────────────────────────────────────────────────────────────────────────────────────

const snapshots = new FinalizationRegistry<OpenSnapshot>((snapshot) => {
  snapshot.end()
  warn('SNAPSHOT')
})

/** Ends what the engine knows of the snapshot if the object is forgotten. */
export function watchSnapshot(object: object, snapshot: OpenSnapshot): void {
  snapshots.register(object, snapshot, snapshot)
}

export function unwatchSnapshot(snapshot: OpenSnapshot): void {
  snapshots.unregister(snapshot)
}

// ── databases ─────────────────────────────────────────────────────────────────────────────────────────────

const databases = new FinalizationRegistry<Engine>((engine) => {
  // NOTE: nobody is left to be told of a failure; the next open recovers what reached the disk.
  engine.close().catch(() => undefined)
  warn('DATABASE')
})

/**
 * Closes the engine when nobody can use it any more. `lifeline`: what every object of the database's API reaches, and nothing
 * else; the exit hook, timers and flushes hold the engine alone.
 */
export function watchDatabase(lifeline: object, engine: Engine): void {
  databases.register(lifeline, engine, engine)
}

export function unwatchDatabase(engine: Engine): void {
  databases.unregister(engine)
}
