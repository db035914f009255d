/** What happens to the lock of a database besides races. Each case begins with nobody owning the directory, and ends so. */
import { execFileSync } from 'node:child_process'
import {
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join, relative } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { Violation } from '../runner.ts'
import type { Answer } from './contender.ts'
import { HostDelay } from './host-delay.ts'
import type { Rival } from './rival.ts'

export interface LockWorld {
  readonly directory: string
  readonly random: () => number
  a: Rival
  b: Rival
  /** In the place of one that was killed. */
  replace(which: 'a' | 'b'): Promise<void>
  /** The longest that a takeover, and a refusal, took. */
  note(figure: 'slowestTakeoverMs' | 'slowestRefusalMs', ms: number): void
}

/** P9: LOCKED, and takeovers, within a second. */
const LIMIT_MS = 1000
/** Until what was forgotten is collected. */
const COLLECT_MS = 20_000

const NAME = 'db'

/** It must be refused, in time. `says`: and so that a user understands. */
export function requireLocked(
  world: LockWorld,
  answer: Answer,
  what: string,
  says: RegExp = /already open|being opened/,
): void {
  if (answer.code === 'ok') throw new Violation(`two owners: ${what}`)
  if (answer.code !== 'LOCKED' || !says.test(answer.message))
    throw new Violation(`${what}: ${answer.code}: ${answer.message}`)
  world.note('slowestRefusalMs', answer.ms)
}

/** `rival` becomes the owner within a second, as nobody else is. */
export async function takeOver(world: LockWorld, rival: Rival, what: string): Promise<void> {
  const delay = new HostDelay()
  const startMs = performance.now()
  try {
    for (;;) {
      const { code, message } = await rival.ask({ do: 'open', location: world.directory, name: NAME })
      const tookMs = performance.now() - startMs
      if (tookMs > LIMIT_MS + delay.ms)
        throw new Violation(`${what}: no takeover within ${LIMIT_MS} ms: ${code}: ${message}`)
      if (code === 'ok') {
        world.note('slowestTakeoverMs', tookMs)
        return
      }
      if (code !== 'LOCKED') throw new Violation(`${what}: ${code}: ${message}`)
      await setTimeout(2)
    }
  } finally {
    delay.end()
  }
}

function opened(world: LockWorld): { readonly do: 'open'; readonly location: string; readonly name: string } {
  return { do: 'open', location: world.directory, name: NAME }
}

type LockCase = (world: LockWorld) => Promise<void>

export const LOCK_CASES: Readonly<Record<string, LockCase>> = {
  'files of dead locks': async (world) => {
    const { directory, a } = world
    for (const name of ['LOCK.new-0123456789abcdef', `LOCK.${10 + highest(directory)}`, 'LOCK.1'])
      if (!existsSync(join(directory, name))) writeFileSync(join(directory, name), '')
    await takeOver(world, a, 'files of dead locks')
    requireLocked(world, await world.b.ask(opened(world)), 'beside a new owner')
    await a.must({ do: 'close', name: NAME })
  },

  'a copy made while it is open': async (world) => {
    const { directory, a, b } = world
    const copy = `${directory}-copy`
    await a.must(opened(world))
    await a.must({ do: 'put', name: NAME, key: 'k' })
    execFileSync('cp', ['-a', directory, copy])
    await b.must({ do: 'open', location: copy, name: 'copy' })
    const { message } = await b.must({ do: 'get', name: 'copy', key: 'k' })
    if (message !== 'there') throw new Violation('a copy lacks what was acknowledged before')
    requireLocked(world, await b.ask(opened(world)), 'the original beside its copy')
    requireLocked(world, await a.ask({ do: 'open', location: copy, name: 'copy' }), 'the copy from the owner')
    for (const rival of [a, b]) await rival.must({ do: 'put', name: rival === a ? NAME : 'copy', key: 'l' })
    await a.must({ do: 'close', name: NAME })
    await b.must({ do: 'close', name: 'copy' })
    rmSync(copy, { recursive: true })
  },

  'an owner file that names a process of another program': async (world) => {
    const { directory, a, b } = world
    await a.must(opened(world))
    const text = readFileSync(join(directory, 'owner'), 'latin1')
    await a.kill()
    await world.replace('a')
    // The number of the dead owner was given to a process that has nothing to do with it.
    writeFileSync(join(directory, 'owner'), text.replace(/^pid \d+/, `pid ${process.pid}`))
    await takeOver(world, b, 'a pid that was given out again')
    await b.must({ do: 'close', name: NAME })
  },

  'other spellings of the path': async (world) => {
    const { directory, a } = world
    const link = `${directory}-link`
    const parentLink = `${dirname(directory)}-link`
    const name = basename(directory)
    symlinkSync(directory, link)
    symlinkSync(dirname(directory), parentLink)
    const spellings = [
      `${directory}/`,
      join(directory, 'x').replace(/x$/, '.'),
      `${directory}/../${name}`,
      relative(process.cwd(), directory),
      link,
      `${parentLink}/${name}`,
    ]
    if (existsSync(`/proc/self/root${directory}`)) spellings.push(`/proc/self/root${directory}`)
    for (const [first, second] of spellings.map(
      (each, i) => [each, spellings.at(i - 1) ?? directory] as const,
    )) {
      await a.must({ do: 'open', location: first, name: NAME })
      for (const location of [second, directory]) {
        const answer = await a.ask({ do: 'open', location, name: 'again' })
        requireLocked(world, answer, `${location} beside ${first}`, /in this process/)
      }
      await a.must({ do: 'close', name: NAME })
    }
    for (const each of [link, parentLink]) unlinkSync(each)
  },

  'another thread': async (world) => {
    const { directory, a, b } = world
    await a.must(opened(world))
    const beside = await a.ask({ do: 'openOnThread', location: directory })
    requireLocked(world, beside, 'from another thread', /in this process/)
    await a.must({ do: 'endThread' })
    await a.must({ do: 'close', name: NAME })
    await a.must({ do: 'openOnThread', location: directory })
    requireLocked(world, await a.ask(opened(world)), 'beside another thread', /in this process/)
    requireLocked(world, await b.ask(opened(world)), 'beside a thread of another process')
    await a.must({ do: 'endThread' })
    await takeOver(world, b, 'a thread that ended')
    await b.must({ do: 'close', name: NAME })
  },

  'two copies of the library': async (world) => {
    const { a } = world
    await a.must({ ...opened(world), copy: 1 })
    for (const copy of [0, 2]) {
      const answer = await a.ask({ do: 'open', location: world.directory, name: 'again', copy })
      requireLocked(world, answer, 'another copy of the library', /in this process/)
    }
    await a.must({ do: 'close', name: NAME })
    await a.must({ ...opened(world), copy: 2 })
    await a.must({ do: 'close', name: NAME })
  },

  'a handle that was forgotten': async (world) => {
    const { a, b } = world
    await a.must(opened(world))
    await a.must({ do: 'put', name: NAME, key: 'k' })
    requireLocked(world, await b.ask(opened(world)), 'before it was forgotten')
    await a.must({ do: 'forget', name: NAME })
    const untilMs = performance.now() + COLLECT_MS
    for (;;) {
      await a.must({ do: 'collect' })
      const answer = await b.ask(opened(world))
      if (answer.code === 'ok') break
      requireLocked(world, answer, 'a forgotten handle')
      if (performance.now() > untilMs) throw new Violation('a forgotten handle keeps its lock')
    }
    await b.must({ do: 'close', name: NAME })
  },

  'an owner that was stopped': async (world) => {
    const { a, b } = world
    await a.must(opened(world))
    a.signal('SIGSTOP')
    requireLocked(world, await b.ask(opened(world)), 'beside a stopped owner')
    a.signal('SIGCONT')
    await a.must({ do: 'close', name: NAME })
    await takeOver(world, b, 'after a stopped owner')
    await b.must({ do: 'close', name: NAME })
  },

  'an owner that is killed while it opens': async (world) => {
    const { a, b, random } = world
    a.tell(opened(world))
    await setTimeout(random() * 15)
    await a.kill()
    await takeOver(world, b, 'one that was killed while it opened')
    await b.must({ do: 'close', name: NAME })
    await world.replace('a')
  },
}

function highest(directory: string): number {
  return Math.max(...readdirSync(directory).map((name) => Number(/^LOCK\.(\d+)$/.exec(name)?.[1] ?? 0)))
}
