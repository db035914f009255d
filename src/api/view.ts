import type { Engine } from '../engine/engine.ts'
import type { TreeDoor } from '../engine/tree-door.ts'
import { makeCodecs, reconcileEncoding, type Codec } from './encoding.ts'
import type { ResultPool } from './result-pool.ts'

/** What the operations of a handle go to: a keyspace, and how its keys and values are encoded. */
export interface View {
  readonly engine: Engine
  readonly tree: TreeDoor
  readonly keys: Codec
  readonly values: Codec
  /** Where results that are bytes are put. */
  readonly pool: ResultPool
  /** While anybody has this, the database is in use; see forgotten.ts. */
  readonly lifeline: object
}

/**
 * A view of a keyspace under these encoding options; `textOfJson`: JSON may be seen as text. @throws TypeError if it was created with others
 */
export function viewUnder<V extends Omit<View, 'keys' | 'values'>>(
  view: V,
  keyEncoding: unknown,
  valueEncoding: unknown,
  textOfJson: boolean = false,
): V & View {
  const { engine, tree, pool } = view
  reconcileEncoding('keyEncoding', keyEncoding, tree.keyEncoding)
  const isText = textOfJson && valueEncoding === 'utf8' && tree.valueEncoding === 'json'
  if (!isText) reconcileEncoding('valueEncoding', valueEncoding, tree.valueEncoding)
  return { ...view, ...makeCodecs(keyEncoding, valueEncoding, engine.kernel, pool) }
}
