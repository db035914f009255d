import { pick } from '../../support/random.ts'
import { DELETE, READ, WRITE, RegisterHistory } from './register-history.ts'
import { chance, commitSomehow, someDurability, type Moment, type Site, type Space } from './site.ts'
import { idOf, valueOf } from './values.ts'

/** Keys that all threads write, each time another value, and read; whether that was right is seen at the end. */

export const REGISTERS = 6

function keyOf(register: number): string {
  return `r/${String(register).padStart(2, '0')}`
}

/** The first ones are used most. */
function someRegister(random: () => number): number {
  return pick(random, pick(random, REGISTERS) + 1)
}

export class Registers {
  readonly #site: Site
  readonly history: RegisterHistory = new RegisterHistory()

  constructor(site: Site) {
    this.#site = site
  }

  /** Registers lie in two keyspaces in turn. */
  #spaceOf(register: number): Space {
    return register % 2 === 0 ? this.#site.db : this.#site.other
  }

  async write(): Promise<void> {
    const way = this.#site.random()
    if (way < 0.5) await this.#put()
    else if (way < 0.7) await this.#delete()
    else await this.#batch()
  }

  async #put(): Promise<void> {
    const site = this.#site
    const { board, random } = site
    const register = someRegister(random)
    const space = this.#spaceOf(register)
    const id = site.nextId()
    const key = keyOf(register)
    const options = someDurability(site)
    const invoked = board.tick()
    if (chance(site, 0.6)) {
      board.begin('putSync')
      space.putSync(key, valueOf(id), options)
    } else {
      board.begin('put')
      await space.put(key, valueOf(id), options)
    }
    this.history.add(WRITE, register, id, invoked, board.tick())
  }

  async #delete(): Promise<void> {
    const site = this.#site
    const { board, random } = site
    const register = someRegister(random)
    const space = this.#spaceOf(register)
    const options = someDurability(site)
    const invoked = board.tick()
    if (chance(site, 0.6)) {
      board.begin('deleteSync')
      space.deleteSync(keyOf(register), options)
    } else {
      board.begin('delete')
      await space.delete(keyOf(register), options)
    }
    this.history.add(DELETE, register, 0, invoked, board.tick())
  }

  /** Some registers at once. */
  async #batch(): Promise<void> {
    const site = this.#site
    const { db, board, random } = site
    const batch = db.batch()
    const writes = new Map<number, number>()
    const count = 2 + pick(random, 4)
    for (let i = 0; i < count; i++) {
      const register = someRegister(random)
      if (writes.has(register)) continue
      const id = chance(site, 0.15) ? 0 : site.nextId()
      writes.set(register, id)
      if (id === 0) batch.delete(this.#spaceOf(register), keyOf(register))
      else batch.put(this.#spaceOf(register), keyOf(register), valueOf(id))
    }
    const invoked = board.tick()
    await commitSomehow(site, batch)
    const returned = board.tick()
    for (const [register, id] of writes)
      this.history.add(id === 0 ? DELETE : WRITE, register, id, invoked, returned)
  }

  async read(): Promise<void> {
    const way = this.#site.random()
    if (way < 0.7) await this.#get(someRegister(this.#site.random))
    else this.#readSeveral(way < 0.85)
  }

  async #get(register: number): Promise<void> {
    const site = this.#site
    const { board } = site
    const space = this.#spaceOf(register)
    const key = keyOf(register)
    let value: Uint8Array | undefined
    const invoked = board.tick()
    if (chance(site, 0.7)) {
      board.begin('getSync')
      value = space.getSync(key)
    } else {
      board.begin('get')
      value = await space.get(key)
    }
    this.history.add(READ, register, idOf(value, key), invoked, board.tick())
  }

  /** All registers of a keyspace, by keys or as a range. */
  #readSeveral(byRange: boolean): void {
    const { board, random } = this.#site
    const start = pick(random, 2)
    const space = this.#spaceOf(start)
    const registers = Array.from({ length: REGISTERS / 2 }, (_, i) => start + 2 * i)
    const keys = registers.map(keyOf)
    const invoked = board.tick()
    let values: (Uint8Array | undefined)[]
    if (byRange) {
      board.begin('rangeSync')
      const found = new Map(space.rangeSync({ prefix: 'r/' }))
      values = keys.map((key) => found.get(key))
    } else {
      board.begin('getManySync')
      values = space.getManySync(keys)
    }
    const returned = board.tick()
    for (const [i, register] of registers.entries())
      this.history.add(READ, register, idOf(values[i], keys[i] ?? ''), invoked, returned)
  }

  /** What a snapshot has, as text. `taken`: the moments around its beginning, if it is new. */
  at(snapshot: Moment, taken?: { readonly invoked: number; readonly returned: number }): string {
    const ids = Array.from({ length: REGISTERS }, (_, register) => {
      const key = keyOf(register)
      return idOf(this.#spaceOf(register).at(snapshot).getSync(key), key)
    })
    if (taken !== undefined) {
      for (const [register, id] of ids.entries())
        this.history.add(READ, register, id, taken.invoked, taken.returned)
    }
    return `registers ${ids.join()}`
  }
}
