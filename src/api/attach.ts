import { CONTROL_SHUT } from '../../assembly/memory/layout.ts'
import { Engine, DEFAULT_KEYSPACE_ID } from '../engine/engine.ts'
import { closed, DatabaseThread } from '../engine/thread.ts'
import type { FileSystem } from '../fs/filesystem.ts'
import { Kernel } from '../kernel/kernel.ts'
import { useKernelModule } from '../kernel/load.ts'
import { Liveness } from '../workers/liveness.ts'
import { RemoteKeeper } from '../workers/remote-keeper.ts'
import type { ThreadPorts } from '../workers/thread-host.ts'
import { Database } from './database.ts'
import { unwatchDatabase, watchDatabase } from './forgotten.ts'
import { noteOpenEngine } from './open-engines.ts'
import { settledEncoding } from './encoding.ts'
import { ownOptions } from './options.ts'
import { ResultPool } from './result-pool.ts'
import { useHandle } from './share.ts'
import type { AttachOptions, KeyEncoding, ValueEncoding } from './types.ts'
import { viewUnder } from './view.ts'

/** The database of a handle, on this thread. See `attach`. */
export function attachOn<KE extends KeyEncoding, VE extends ValueEncoding>(
  handle: unknown,
  options: AttachOptions<KE, VE> | undefined,
  host: ThreadPorts,
  openDirectory: (directory: unknown) => FileSystem,
): Database<KE, VE> {
  const shared = useHandle(handle)
  const bag = ownOptions(options, ['keyEncoding', 'valueEncoding'], 'attach')
  const { memory, module, slot, recovery } = shared
  if (Atomics.load(new Int32Array(memory.buffer), CONTROL_SHUT >>> 2) !== 0) throw closed()
  useKernelModule(module)
  const calls = host.received(shared.calls)
  const liveness = host.received(shared.liveness)
  let engine: Engine
  try {
    const kernel = Kernel.attach(memory, slot)
    const thread = new DatabaseThread(kernel, openDirectory(shared.directory), shared.options, false)
    const keeper = new RemoteKeeper(thread, calls)
    const guard = new Liveness(thread, liveness, (cause) => keeper.orphan(cause))
    engine = new Engine(thread, keeper, undefined, recovery)
    keeper.onClosed = () => {
      unwatchDatabase(engine)
      // NOTE: whoever waits for something is told by what he waits for.
      engine.close().catch(() => undefined)
    }
    noteOpenEngine(engine, () => guard.leave())
  } catch (error) {
    // NOTE: the monitor takes the slot back.
    calls.close()
    liveness.close()
    throw error
  }
  const keyEncoding = 'keyEncoding' in bag ? bag['keyEncoding'] : shared.keyEncoding
  const valueEncoding = 'valueEncoding' in bag ? bag['valueEncoding'] : shared.valueEncoding
  return databaseOn(engine, settledEncoding(keyEncoding), settledEncoding(valueEncoding))
}

function databaseOn<KE extends KeyEncoding, VE extends ValueEncoding>(
  engine: Engine,
  keyEncoding: unknown,
  valueEncoding: unknown,
): Database<KE, VE> {
  try {
    const identity = engine.keeper.call('keyspaces').find(({ id }) => id === DEFAULT_KEYSPACE_ID)
    if (identity === undefined) throw new Error('attach: there is no default keyspace')
    const lifeline = {}
    const tree = engine.openTree(identity)
    const view = { engine, tree, lifeline, pool: new ResultPool(engine.kernel) }
    const database = new Database<KE, VE>(viewUnder(view, keyEncoding, valueEncoding), {
      keyEncoding,
      valueEncoding,
    })
    watchDatabase(lifeline, engine)
    return database
  } catch (error) {
    void engine.close().catch(() => undefined)
    throw error
  }
}
