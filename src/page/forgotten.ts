import { warn } from '../api/forgotten.ts'
import type { Line } from './line.ts'

/**
 * What a page forgot to close is ended in the worker when it is collected as garbage, with one warning of each kind. See api/forgotten.ts.
 *
 * INVARIANT: what a registry holds must not lead to what is registered.
 */
interface Held {
  readonly line: Line
  readonly id: number
}

const ranges = new FinalizationRegistry<Held>(({ line, id }) => {
  line.tell('endRange', id)
  warn('ITERATOR')
})

const snapshots = new FinalizationRegistry<Held>(({ line, id }) => {
  line.tell('endSnapshot', id)
  warn('SNAPSHOT')
})

const databases = new FinalizationRegistry<() => void>((close) => {
  close()
  warn('DATABASE')
})

export function watchRange(range: object, line: Line, id: number): void {
  ranges.register(range, { line, id }, range)
}

export function unwatchRange(range: object): void {
  ranges.unregister(range)
}

export function watchSnapshot(snapshot: object, line: Line, id: number): void {
  snapshots.register(snapshot, { line, id }, snapshot)
}

export function unwatchSnapshot(snapshot: object): void {
  snapshots.unregister(snapshot)
}

/** `lifeline`: what every object of the database's API reaches, and nothing else. */
export function watchDatabase(lifeline: object, close: () => void): void {
  databases.register(lifeline, close, lifeline)
}

export function unwatchDatabase(lifeline: object): void {
  databases.unregister(lifeline)
}
