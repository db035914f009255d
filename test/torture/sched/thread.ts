import type { KernelThread } from './kernel-thread.ts'
import type { Program } from './scene.ts'

/** An access that a thread has come to. */
export interface Access {
  /** Number of its place in the code: of the kernel's, then of the sources'; -1 if it is not counted. */
  place: number
  kind: number
  address: number
  /** Whether it may change memory. */
  writes: boolean
  /** The kernel's. */
  readonly isKernel: boolean
}

/** One of the threads: what it stands before, and why it may not go on. */
export interface Thread {
  readonly program: Program
  readonly kernel: KernelThread
  /** Accesses it has come to. */
  points: number
  /** The access that it stands before or has carried out last; and the place and word of the kernel's last one in this call. */
  access: Access | undefined
  lastPlace: number
  lastAddress: number
  hasArrived: boolean
  /** It is its turn: the access is carried out. */
  isNext: boolean
  /** It waits until a word has another value: there it exchanged in vain. */
  spinsOn: number
  spinValue: number
  /** It waits until anything changes: it loads the same again and again. */
  spinVersion: number
  loadVersion: number
  readonly loads: Map<number, number>
  isSleeping: boolean
  sleepIndex: number
  sleepMs: number
  sleepVersion: number
  timeouts: number
  nowMs: number
}

export function threadOf(program: Program, kernel: KernelThread): Thread {
  return {
    program,
    kernel,
    points: 0,
    access: undefined,
    lastPlace: -1,
    lastAddress: 0,
    hasArrived: false,
    isNext: false,
    spinsOn: -1,
    spinValue: 0,
    spinVersion: 0,
    loadVersion: -1,
    loads: new Map<number, number>(),
    isSleeping: false,
    sleepIndex: 0,
    sleepMs: 0,
    sleepVersion: -1,
    timeouts: 0,
    nowMs: 0,
  }
}

/** As it was before it began. */
export function restart(each: Thread): void {
  each.points = 0
  each.access = undefined
  each.lastPlace = -1
  each.hasArrived = false
  each.isNext = false
  each.spinsOn = -1
  each.loadVersion = -1
  each.isSleeping = false
  each.sleepVersion = -1
  each.timeouts = 0
  each.nowMs = 0
  each.kernel.restart()
  each.program.restart()
}
