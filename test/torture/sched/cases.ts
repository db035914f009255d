import { Machine } from './machine.ts'
import { BlockCacheScene } from './scenarios/block-cache.ts'

import { EngineScene } from './scenarios/engine.ts'
import { LockScene } from './scenarios/locks.ts'
import { MemtableScene } from './scenarios/memtable.ts'
import { PagePoolScene } from './scenarios/page-pool.ts'
import { ReclamationScene } from './scenarios/reclamation.ts'
import { SeqnoScene } from './scenarios/seqnos.ts'
import { SkiplistScene } from './scenarios/skiplist.ts'
import { SnapshotScene } from './scenarios/snapshots.ts'
import type { Scene, SeededBug } from './scene.ts'

/** How much of a case is explored: preemptions at most, in all schedules and in those where a thread dies or traps; then random ones. */
export interface Extent {
  readonly every: number
  readonly faults: number
  readonly random: number
}

/** Something that is explored. */
export interface Case {
  /** `scenario: case` */
  readonly name: string
  readonly make: (bug?: SeededBug) => Machine
  readonly full: Extent
  /** In npm test. */
  readonly quick: Extent
}

const ALL = Infinity

/** [every, faults] of the full and of the quick exploration, and random schedules of the full one. */
type Bounds = readonly [readonly [number, number], readonly [number, number], number]

function cases<S>(
  scenario: string,
  made: new (setup: S) => Scene,
): (name: string, setup: S, bounds: Bounds) => Case {
  return (name, setup, [full, quick, random]) => ({
    name: `${scenario}: ${name}`,
    make: (bug) => new Machine(new made(setup), bug),
    full: { every: full[0], faults: full[1], random },
    quick: { every: quick[0], faults: quick[1], random: Math.round(random / 4) },
  })
}

const pages = cases('page pool', PagePoolScene)
const seqnos = cases('seqnos', SeqnoScene)
const skiplist = cases('skiplist', SkiplistScene)
const memtable = cases('memtable', MemtableScene)
const cache = cases('block cache', BlockCacheScene)
const reclamation = cases('reclamation', ReclamationScene)

const engine = cases('engine', EngineScene)
const locks = cases('locks', LockScene)
const snapshots = cases('snapshots', SnapshotScene)

// prettier-ignore
export const CASES: readonly Case[] = [
  pages('two take', { listed: 2, fresh: 1, threads: [['take'], ['take']] }, [[ALL, 2], [ALL, 1], 5000]),
  pages('three take', { listed: 2, fresh: 0, threads: [['take'], ['take'], ['take']] }, [[ALL, 2], [3, 1], 5000]),
  pages('two take and give', { listed: 1, fresh: 1, threads: [['take', 'give'], ['take', 'give']] }, [[ALL, 3], [ALL, 2], 20000]),
  pages('what was taken comes back while another takes', { listed: 3, fresh: 0, threads: [['take', 'take'], ['take', 'take', 'give']] }, [[5, 3], [3, 2], 20000]),
  pages('none is left', { listed: 0, fresh: 1, held: 1, threads: [['take'], ['take'], ['give', 'give']] }, [[5, 2], [3, 1], 5000]),
  pages('slots and chains', { listed: 1, fresh: 2, threads: [['take-chain', 'give-chain'], ['take', 'give'], ['attach']] }, [[3, 1], [2, 1], 20000]),
  pages('no pages for a slot', { listed: 1, fresh: 0, threads: [['take', 'give'], ['attach']] }, [[ALL, 2], [3, 1], 5000]),
  pages('paid beside others', { listed: 1, fresh: 2, threads: [['pay 2', 'take-chain', 'pay 1', 'repay'], ['take', 'give'], ['take']] }, [[3, 1], [2, 1], 20000]),

  seqnos('groups beside each other', [['group 2', 'publish-group', 'visible'], ['raise 3', 'publish 3', 'next']], [[ALL, ALL], [ALL, 2], 10000]),
  seqnos('three', [['group 2', 'publish-group'], ['raise 5', 'next'], ['publish 4', 'visible', 'visible']], [[ALL, 3], [4, 1], 10000]),
  seqnos('three groups', [['group 2', 'group 1'], ['group 3', 'next'], ['raise 4', 'next']], [[ALL, 3], [4, 1], 5000]),

  skiplist('two insert', { keys: 'ace', threads: [['b2'], ['d2']] }, [[ALL, 2], [4, 1], 10000]),
  skiplist('two insert between the same', { keys: 'ae', threads: [['b2', 'f1'], ['c2', 'd1']] }, [[5, 3], [3, 2], 20000]),
  skiplist('two insert, one searches', { keys: 'ae', threads: [['b2', 'f1'], ['c3'], ['GE b', 'LT c', 'last', 'first']] }, [[3, 1], [2, 1], 40000]),
  skiplist('into an empty list', { keys: '', threads: [['b3'], ['a2'], ['first', 'last']] }, [[4, 2], [2, 1], 10000]),

  memtable('one key', { keys: 'ac', writes: ['put b'], readers: [['get b']] }, [[ALL, ALL], [ALL, 2], 5000]),
  memtable('batches, two read', { keys: 'aceg', writes: ['put b', 'put cd'], heights: [3, 1, 2], readers: [['get b', 'get c'], ['get c', 'get@ c', 'get d']] }, [[2, 1], [1, 1], 40000]),
  memtable('ranges', { keys: 'aceg', writes: ['put b', 'put cd'], heights: [3, 1, 2], readers: [['range'], ['range-back']] }, [[2, 1], [1, 0], 40000]),
  memtable('walks', { keys: 'aceg', writes: ['put b', 'put cd'], heights: [3, 1, 2], readers: [['walk'], ['walk-back']] }, [[2, 1], [1, 0], 40000]),
  memtable('with a hash index', { keys: 'aceg', hasIndex: true, writes: ['put b', 'put cc'], heights: [3, 1, 2], readers: [['get b', 'get c'], ['get c', 'get a']] }, [[3, 1], [2, 1], 20000]),
  memtable('the hash index is made', { keys: 'aac', pages: 2, writes: ['index', 'put c'], readers: [['get c', 'get a', 'get c']] }, [[4, 2], [2, 1], 10000]),
  memtable('no page for the hash index', { keys: 'aac', pages: 0, writes: ['index', 'put c'], readers: [['get c', 'get a']] }, [[4, 2], [2, 1], 5000]),
  memtable('a chain that is too long', { keys: 'aaaaaaaaaaaaaaa', hasIndex: true, writes: ['put ab'], readers: [['get@ a', 'get a', 'get b']] }, [[3, 2], [2, 1], 10000]),
  memtable('pages are full', { keys: 'ac', isFull: true, writes: ['put b'], readers: [['get b', 'range']] }, [[4, 2], [2, 1], 10000]),
  memtable('no page for a value', { keys: 'ac', isFull: true, pages: 1, writes: ['put b'], readers: [['get b', 'range']] }, [[4, 2], [2, 1], 5000]),
  memtable('large values and deletions', { keys: 'ac', writes: ['large b', 'delete b', 'large a'], heights: [2, 1, 3], readers: [['get b', 'get a'], ['get b']] }, [[2, 1], [1, 0], 40000]),
  memtable('the first entry', { keys: '', writes: ['put b'], readers: [['get b', 'walk']] }, [[4, 2], [2, 1], 5000]),
  memtable('the first entry is large', { keys: '', writes: ['large b'], readers: [['get b', 'walk-back']] }, [[3, 2], [2, 1], 5000]),
  memtable('large values with a hash index', { keys: 'ac', hasIndex: true, writes: ['large b', 'delete a'], readers: [['get b', 'get a', 'walk']] }, [[3, 1], [2, 1], 10000]),

  cache('two read', { blocks: 'ab', limit: 4, threads: [['read a', 'read b'], ['read a', 'holds b']] }, [[ALL, 3], [3, 2], 10000]),
  cache('two load the same', { blocks: 'ab', limit: 4, threads: [['use c'], ['use c']] }, [[ALL, 3], [4, 2], 20000]),
  cache('a page is emptied', { blocks: 'ab', limit: 2, threads: [['read a', 'read b'], ['insert c']] }, [[ALL, 3], [4, 2], 10000]),
  cache('blocks that were used stay', { blocks: 'ABC', limit: 3, threads: [['read a', 'read b'], ['insert d', 'insert e']] }, [[5, 3], [3, 2], 10000]),
  cache('three', { blocks: 'aBc', limit: 3, threads: [['read a', 'use b'], ['use d'], ['insert e']] }, [[3, 2], [2, 1], 40000]),
  cache('pages are given up', { blocks: 'ABc', limit: 3, threads: [['read a', 'use b'], ['shrink'], ['insert e']] }, [[3, 2], [2, 1], 40000]),
  cache('all is pinned', { blocks: 'a', limit: 1, threads: [['read a'], ['insert e'], ['insert f']] }, [[4, 2], [2, 1], 10000]),
  cache('all is pinned and no page is left', { blocks: 'a', limit: 1, free: 0, threads: [['read a'], ['insert e']] }, [[ALL, 3], [3, 1], 5000]),

  reclamation('one reads', { threads: [['read'], ['replace']] }, [[ALL, ALL], [ALL, 2], 5000]),
  reclamation('two versions', { threads: [['read', 'read'], ['replace', 'replace']] }, [[4, 3], [3, 2], 20000]),
  reclamation('two read', { threads: [['read'], ['replace', 'collect'], ['read']] }, [[3, 2], [2, 1], 20000]),
  reclamation('threads come and go', { threads: [['visit'], ['replace', 'collect'], ['visit']] }, [[3, 1], [2, 1], 40000]),
  reclamation('the clock wraps', { epoch: 0xffffffff, threads: [['read', 'read'], ['replace', 'replace']] }, [[4, 3], [3, 2], 20000]),

  engine('a write while a memtable is sealed', { keys: 'a', threads: [['rotate'], ['put b'], ['get b']] }, [[1, 0], [1, 0], 3000]),
  engine('a read while what it reads is flushed', { keys: 'a', threads: [['put a', 'rotate', 'flush'], ['get a']] }, [[1, 0], [1, 0], 3000]),
  engine('a snapshot while what it reads is flushed', { keys: 'a', threads: [['put a', 'rotate', 'flush'], ['hold a']] }, [[1, 0], [1, 0], 3000]),
  engine('a clear, collected', { keys: 'a', threads: [['clear', 'collect'], ['get a', 'get a']] }, [[1, 0], [1, 0], 3000]),
  engine('a snapshot while a clear is collected', { keys: 'a', threads: [['clear', 'collect'], ['hold a', 'get a']] }, [[1, 0], [1, 0], 3000]),
  engine('two write', { keys: 'a', threads: [['put a'], ['put b'], ['get b']] }, [[1, 0], [1, 0], 3000]),
  engine('ranges and reads while what they read is flushed', { keys: 'aca', isSealed: true, threads: [['flush'], ['range', 'get b', 'get a', 'get a', 'leave']] }, [[1, 0], [1, 0], 3000]),
  engine('a write while what is sealed is flushed', { keys: 'a', isSealed: true, threads: [['flush'], ['put b', 'get b']] }, [[1, 0], [1, 0], 3000]),
  engine('a read while the keyspace goes', { keys: 'a', threads: [['drop'], ['get a']] }, [[1, 0], [1, 0], 3000]),
  engine('a trap when a memtable is in use already', { keys: 'a', keeperTraps: true, threads: [['rotate'], ['put b', 'get b']] }, [[0, 0], [0, 0], 1000]),
  engine('a write while the keyspace goes', { keys: 'a', threads: [['drop'], ['put a']] }, [[1, 0], [1, 0], 3000]),

  locks('two lock', { threads: [['lock'], ['lock']] }, [[ALL, 1], [ALL, 1], 4000]),
  locks('two lock twice', { threads: [['lock', 'lock'], ['lock', 'lock']] }, [[3, 1], [2, 0], 8000]),
  locks('three lock', { threads: [['lock'], ['lock'], ['lock']] }, [[3, 1], [2, 0], 8000]),
  locks('one gives up', { threads: [['lock 20'], ['lock']], timeouts: 2 }, [[4, 1], [3, 1], 4000]),
  locks('one of three gives up', { threads: [['lock 20'], ['lock'], ['lock']], timeouts: 2 }, [[1, 1], [1, 0], 16000]),
  locks('one tries', { threads: [['try', 'try'], ['lock']] }, [[ALL, 1], [4, 1], 4000]),
  locks('one may not sleep', { threads: [['lock'], ['lock', 'lock']], impatient: [0], timeouts: 1, isOrdered: true }, [[3, 1], [2, 1], 4000]),
  locks('one reads, one writes', { threads: [['read'], ['write']] }, [[ALL, 1], [4, 1], 8000]),
  locks('two read, one writes', { threads: [['read'], ['read'], ['write']] }, [[2, 1], [1, 0], 8000]),
  locks('one reads, two write', { threads: [['read', 'read'], ['write'], ['write']] }, [[2, 1], [1, 0], 16000]),
  locks('readers and writers give up', { threads: [['read 20'], ['write 20'], ['write']], timeouts: 2 }, [[1, 0], [1, 0], 16000]),
  locks('one waits for a signal', { threads: [['await'], ['signal']] }, [[5, 1], [3, 1], 4000]),
  locks('two wait for a signal to all', { threads: [['await'], ['await'], ['signal all']] }, [[2, 1], [1, 0], 8000]),
  locks('two wait for two signals', { threads: [['await'], ['await'], ['signal', 'signal']] }, [[2, 1], [1, 0], 8000]),
  locks('one gives up waiting for a signal', { threads: [['await 20'], ['signal']], timeouts: 1 }, [[3, 1], [2, 1], 4000]),
  locks('poisoned while they wait', { threads: [['lock', 'write', 'read'], ['lock', 'read', 'write'], ['poison']], timeouts: 1 }, [[2, 0], [1, 0], 8000]),
  locks('poisoned while one waits for a signal', { threads: [['await'], ['lock'], ['poison']], timeouts: 1 }, [[2, 1], [2, 0], 4000]),

  snapshots('one registers, one drops', { threads: [['register'], ['drop']] }, [[ALL, ALL], [ALL, ALL], 2000]),
  snapshots('something is published before', { threads: [['register'], ['publish 7', 'drop', 'oldest']] }, [[ALL, ALL], [ALL, ALL], 2000]),
  snapshots('three', { threads: [['register', 'leave'], ['publish 7', 'register'], ['drop', 'oldest']] }, [[4, 1], [4, 1], 4000]),
  snapshots('old ones', { threads: [['register 3'], ['publish 7', 'drop'], ['register 2']], taken: 1, freed: 2 }, [[3, 1], [2, 1], 4000]),
  snapshots('two for one slot', { threads: [['brief', 'register'], ['drop', 'publish 9'], ['brief']], taken: 1, freed: 1 }, [[3, 1], [2, 1], 4000]),
  snapshots('a new area', { threads: [['register'], ['register'], ['drop']], taken: 2 }, [[3, 1], [2, 1], 4000]),
  snapshots('the first area', { threads: [['register'], ['register']] }, [[ALL, 2], [ALL, 1], 2000]),
  snapshots('two drop', { threads: [['register'], ['publish 6', 'drop', 'publish 8'], ['drop']] }, [[4, 2], [2, 1], 4000]),
]
