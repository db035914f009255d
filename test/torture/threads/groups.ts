import type { Batch } from '../../../src/index.ts'
import { pick } from '../../support/random.ts'
import { Anomaly } from './anomaly.ts'
import { chance, pause, commitSomehow, type Moment, type Readable, type Site, type Space } from './site.ts'
import { idOf, valueOf } from './values.ts'

/**
 * Groups of keys, half of each in one keyspace and half in another: every batch writes one id to all keys of a group, or deletes them all. So whoever reads
 * several of them at one moment finds the same in each. Groups of a third keyspace are also removed by dropRange and clear.
 */

const GROUPS = 4
const ERASED_GROUPS = 2
/** Of a group in a keyspace. */
const KEYS = 8

function keysOf(group: number): string[] {
  return Array.from({ length: KEYS }, (_, key) => `g${group}/${key}`)
}

export async function writeGroup(site: Site): Promise<void> {
  const { db, other, random } = site
  await writeTo(site, pick(random, GROUPS), [db, other])
}

/** Writes a group of the third keyspace, or removes some of what it has. */
export async function eraseGroup(site: Site): Promise<void> {
  const { erased, board, random } = site
  const group = pick(random, ERASED_GROUPS)
  if (chance(site, 0.9)) return writeTo(site, group, [erased])
  if (chance(site, 0.7)) {
    board.begin('dropRangeSync')
    erased.dropRangeSync({ prefix: `g${group}/` })
  } else {
    board.begin('clearSync')
    erased.clearSync()
  }
}

async function writeTo(site: Site, group: number, spaces: readonly Space[]): Promise<void> {
  const { db } = site
  const isDelete = chance(site, 0.15)
  const id = site.nextId()
  const batch = db.batch()
  // Of several operations on a key in a batch the last counts: nobody may ever see this one.
  const before = chance(site, 0.2) ? site.nextId() : undefined
  if (before !== undefined) for (const space of spaces) addGroup(batch, space, group, before)
  for (const space of spaces) addGroup(batch, space, group, isDelete ? undefined : id)
  await commitSomehow(site, batch)
}

function addGroup(batch: Batch<'utf8', 'bytes'>, space: Space, group: number, id: number | undefined): void {
  for (const key of keysOf(group)) {
    if (id === undefined) batch.delete(space, key)
    else batch.put(space, key, valueOf(id))
  }
}

/** Reads one group, or all of a keyspace, in one of the ways there are. @throws Anomaly */
export async function readGroups(site: Site): Promise<void> {
  const { db, other, erased, random } = site
  const space = [db, other, erased][pick(random, 3)] ?? db
  const group = pick(random, space === erased ? ERASED_GROUPS : GROUPS)
  const way = random()
  if (way < 0.5) await readKeys(site, space, group)
  else if (way < 0.9) await readRange(site, space, `g${group}/`, chance(site, 0.5))
  else if (way < 0.95) await readRange(site, space, 'g', chance(site, 0.5))
  else {
    site.board.begin('countSync')
    const count = space.countSync({ prefix: `g${group}/` })
    if (count !== 0 && count !== KEYS)
      throw new Anomaly('groups', `count found ${count} of ${KEYS} keys of group ${group}`)
  }
}

async function readKeys(site: Site, space: Readable, group: number): Promise<void> {
  const { board } = site
  const keys = keysOf(group)
  let values: (Uint8Array | undefined)[]
  if (chance(site, 0.5)) {
    board.begin('getManySync')
    values = space.getManySync(keys)
  } else {
    board.begin('getMany')
    values = await space.getMany(keys)
  }
  assertOne(
    'getMany',
    group,
    values.map((value, i) => idOf(value, keys[i] ?? '')),
  )
}

/** Reads a range and checks all groups that it finds. */
async function readRange(site: Site, space: Readable, prefix: string, reverse: boolean): Promise<void> {
  const { board } = site
  const entries: [string, Uint8Array][] = []
  if (chance(site, 0.5)) {
    board.begin('rangeSync')
    entries.push(...space.rangeSync({ prefix, reverse }))
  } else {
    board.begin('range')
    for await (const entry of space.range({ prefix, reverse })) {
      entries.push(entry)
      if (chance(site, 0.1)) {
        await pause(site)
        board.begin('range')
      }
    }
  }
  checkEntries('a range', entries)
}

/** The ids of the groups that entries belong to. @throws Anomaly */
function checkEntries(what: string, entries: Iterable<readonly [string, Uint8Array]>): Map<number, number> {
  const ids = new Map<number, number[]>()
  for (const [key, value] of entries) {
    const group = Number(/^g(\d+)\//.exec(key)?.[1])
    const own = ids.get(group) ?? []
    own.push(idOf(value, key))
    ids.set(group, own)
  }
  const found = new Map<number, number>()
  for (const [group, own] of ids) {
    assertOne(what, group, own.length < KEYS ? [...own, 0] : own)
    found.set(group, own[0] ?? 0)
  }
  return found
}

/** What a snapshot has in all groups, as text. @throws Anomaly */
export function groupsAt({ db, other, erased }: Site, snapshot: Moment, byRange: boolean): string {
  const idsIn = (space: Readable, name: string, groups: number): number[] => {
    if (byRange) {
      const found = checkEntries(`a range of a snapshot in ${name}`, space.rangeSync({ prefix: 'g' }))
      return Array.from({ length: groups }, (_, group) => found.get(group) ?? 0)
    }
    return Array.from({ length: groups }, (_, group) => {
      const keys = keysOf(group)
      const values = space.getManySync(keys)
      const ids = values.map((value, i) => idOf(value, keys[i] ?? ''))
      return assertOne(`getMany of a snapshot in ${name}`, group, ids)
    })
  }
  const here = idsIn(db.at(snapshot), 'one keyspace', GROUPS)
  const there = idsIn(other.at(snapshot), 'the other', GROUPS)
  for (const [group, id] of here.entries())
    assertOne('a snapshot of two keyspaces', group, [id, there[group] ?? -1])
  return `groups ${here.join()} erased ${idsIn(erased.at(snapshot), 'the third', ERASED_GROUPS).join()}`
}

/** @returns the id that is in all. */
function assertOne(what: string, group: number, ids: readonly number[]): number {
  const [first = 0] = ids
  if (ids.some((id) => id !== first))
    throw new Anomaly('groups', `${what} found of group ${group} ${ids.join(' ')}, which no batch wrote`)
  return first
}
