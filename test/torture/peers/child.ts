/** The process in which an engine works: makes the golden directory, and reads damaged copies of it, as told by messages. What it dies of is the parent's to see. */
import { setTimeout } from 'node:timers/promises'
import { careless } from './careless.ts'
import { classicLevel } from './classic-level.ts'
import { findPeer, type Engine, type Peer } from './engine.ts'
import { makeHistory, type History } from './history.ts'
import { inspect } from './inspect.ts'
import { lmdb } from './lmdb.ts'
import { varve } from './varve.ts'

export type Request =
  | { readonly do: 'make' | 'inspect'; readonly directory: string }
  | { readonly do: 'kinds'; readonly files: readonly string[] }

function load(name: string, root: string): Engine {
  const [kind = '', way = ''] = name.split(':')
  if (kind === 'varve') return varve
  if (kind === 'careless') return careless(way)
  const peer = findPeer(name, root)
  const engines: Readonly<Record<string, (peer: Peer) => Engine>> = { 'classic-level': classicLevel, lmdb }
  const engine = engines[kind]
  if (peer === undefined || engine === undefined) throw new Error(`there is no engine ${name}`)
  return engine(peer)
}

async function make(engine: Engine, directory: string, { stages }: History): Promise<void> {
  const db = await engine.open(directory)
  for (const [stage, batches] of stages.entries()) {
    if (stage > 0) await db.flush()
    const middle = Math.floor(batches.length / 2)
    for (const [number, batch] of batches.entries()) await db.write(batch, number === middle)
  }
  await db.close()
}

async function answer(engine: Engine, request: Request, history: History): Promise<object> {
  switch (request.do) {
    case 'kinds':
      return { kinds: request.files.map((file) => engine.kindOf(file) ?? '') }
    case 'make':
      await make(engine, request.directory, history)
      return {}
    case 'inspect': {
      const observation = await inspect(engine, request.directory, history)
      // What it dies of in the background, it is to die of now rather than at the next one.
      await setTimeout(1)
      return observation
    }
  }
}

const [name = '', seed = '', root = ''] = process.argv.slice(2)
const engine = load(name, root)
const history = makeHistory(Number(seed))
process.on(
  'message',
  (request: Request) => void answer(engine, request, history).then((it) => process.send?.(it)),
)
process.on('disconnect', () => process.exit())
process.send?.({})
