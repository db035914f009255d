/** The sequence counter and what is visible: groups do not overlap, and neither word ever falls. */
import {
  CONTROL_NEXT_SEQNO,
  CONTROL_VISIBLE_SEQNO,
  SLOTS,
  SLOT_BYTES,
  SLOT_GROUP_END,
  SLOT_GROUP_SEQNO,
} from '../../../../assembly/memory/layout.ts'
import type { End, Scene, Step } from '../scene.ts'
import { KernelWorld } from '../kernel-world.ts'
import { type Call, isLinearizable } from '../linearizable.ts'
import { expectThat } from '../violation.ts'

/** `group 3`: takes three seqnos; `raise 9`, `publish 9`: raises the next or the visible seqno; `next`, `visible`: reads it. `publish-group`: the last group. */
export type SeqnoMove =
  `group ${number}` | `raise ${number}` | `publish ${number}` | 'next' | 'visible' | 'publish-group'

/** Both words in one number. */
const VISIBLE_UNIT = 1024
/** A time behind all moves. */
const LAST = 1_000_000

export class SeqnoScene implements Scene {
  readonly world: KernelWorld = new KernelWorld(2)
  readonly threads: readonly (readonly Step[])[]
  readonly #calls: Call<number>[] = []

  constructor(threads: readonly (readonly SeqnoMove[])[]) {
    this.threads = threads.map((moves, thread) =>
      moves.map((move) => this.#step(move, SLOTS + thread * SLOT_BYTES)),
    )
  }

  begin(): void {
    this.#calls.length = 0
  }

  check(end: End): void {
    // NOTE: of a thread that died only what it finished is in the history; each of its accesses is one that another thread's call would
    // have made too.
    if (end.dead >= 0) return
    const { world } = this
    const [next, visible] = [world.long(CONTROL_NEXT_SEQNO), world.long(CONTROL_VISIBLE_SEQNO)]
    const look = (state: number): number | undefined =>
      nextOf(state) === next && visibleOf(state) === visible ? state : undefined
    const calls = [...this.#calls, { began: LAST, ended: LAST + 1, effect: look }]
    expectThat(
      isLinearizable(calls, 1 + VISIBLE_UNIT),
      () => `no order of the calls gives next ${next} and visible ${visible}`,
    )
  }

  #step(move: SeqnoMove, slot: number): Step {
    const [name, argument] = move.split(' ')
    const number = Number(argument)
    const note = (effect: Call<number>['effect'], began: number, ended: number): void =>
      void this.#calls.push({ began, ended, effect })
    switch (name) {
      case 'group':
        return {
          call: (x) => x.beginGroup(slot, number),
          done: (_, began, ended) => {
            const base = this.world.long(slot + SLOT_GROUP_SEQNO)
            expectThat(
              this.world.long(slot + SLOT_GROUP_END) === base + number,
              () => 'a group has another length',
            )
            note((state) => (nextOf(state) === base ? state + number : undefined), began, ended)
          },
        }
      case 'raise':
        return {
          call: (x) => x.raiseNextSeqno(number),
          done: (_, began, ended) =>
            note((state) => state + Math.max(0, number - nextOf(state)), began, ended),
        }
      case 'publish':
        return {
          call: (x) => x.publishSeqno(number),
          done: (_, began, ended) => note(publishing(number), began, ended),
        }
      case 'publish-group': {
        // NOTE: publishing does not move the group.
        return {
          call: (x) => x.publishGroup(slot),
          done: (_, began, ended) => note(publishing(this.world.long(slot + SLOT_GROUP_END)), began, ended),
        }
      }
      case 'next':
        return {
          call: (x) => x.nextSeqno(),
          done: (result, began, ended) =>
            note((state) => (nextOf(state) === result ? state : undefined), began, ended),
        }
      default:
        return {
          call: (x) => x.visibleSeqno(),
          done: (result, began, ended) =>
            note((state) => (visibleOf(state) === result ? state : undefined), began, ended),
        }
    }
  }
}

const nextOf = (state: number): number => state % VISIBLE_UNIT
const visibleOf = (state: number): number => Math.floor(state / VISIBLE_UNIT)
const publishing =
  (seqno: number) =>
  (state: number): number =>
    state + VISIBLE_UNIT * Math.max(0, seqno - visibleOf(state))
