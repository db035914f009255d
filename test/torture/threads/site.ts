import { setImmediate, setTimeout } from 'node:timers/promises'
import type { Batch, Database, Keyspace, Snapshot, WriteOptions } from '../../../src/index.ts'
import { pick } from '../../support/random.ts'
import type { Board } from './board.ts'

export type Store = Database<'utf8', 'bytes'>
export type Space = Keyspace<'utf8', 'bytes'>
export type Moment = Snapshot<'utf8', 'bytes'>
/** What the reads of a keyspace and those of a snapshot have in common. */
export type Readable = Pick<Space, 'getManySync' | 'getMany' | 'rangeSync' | 'range' | 'countSync'>

/** What a thread does its part of a history with. */
export interface Site {
  readonly thread: number
  readonly db: Store
  /** A second keyspace, and one whose ranges are dropped. */
  readonly other: Space
  readonly erased: Space
  readonly board: Board
  readonly random: () => number
  /** Whether the database has a journal: else writes may not ask for more. */
  readonly hasJournal: boolean
  /** An id that no other write has. */
  nextId(): number
}

/** A durability to ask for, or none in particular. */
export function someDurability({ random, hasJournal }: Site): WriteOptions | undefined {
  const chance = random()
  if (chance < 0.5) return undefined
  if (!hasJournal || chance < 0.75) return { durability: 'buffered' }
  return { durability: chance < 0.98 ? 'os' : 'sync' }
}

/** Commits a batch, with some durability, at once or later. */
export async function commitSomehow(site: Site, batch: Batch<'utf8', 'bytes'>): Promise<void> {
  const options = someDurability(site)
  if (chance(site, 0.5)) {
    site.board.begin('commitSync')
    batch.commitSync(options)
  } else {
    site.board.begin('commit')
    await batch.commit(options)
  }
}

export function chance({ random }: Site, share: number): boolean {
  return random() < share
}

/** Lets others have their turns, shorter or longer. */
export async function pause(site: Site): Promise<void> {
  if (chance(site, 0.8)) await setImmediate()
  else await setTimeout(1 + pick(site.random, 5))
}
