import { expect } from 'vitest'
import type { Engine } from '../../../src/engine/engine.ts'
import { LocalKeeper } from '../../../src/workers/local-keeper.ts'
import type { Keeper } from '../../../src/engine/keeper.ts'
import { VarveError } from '../../../src/errors.ts'
import type { FaultyFileSystem, OperationKind } from '../../support/faulty.ts'

/** The engine below a database, for what its statistics do not tell. */
export function engineOf(database: object): Engine {
  return (database as { view: { engine: Engine } }).view.engine
}

/** What changes the structure of a database. */
export function keeperOf(database: object): Keeper {
  const port = engineOf(database).keeper
  if (!(port instanceof LocalKeeper)) throw new Error('its keeper works on another thread')
  return port.keeper
}

export function freePages(database: object): number {
  return engineOf(database).kernel.freePages()
}

export function filesEnding(fileSystem: FaultyFileSystem, extension: string): string[] {
  return [...fileSystem.snapshotFiles().keys()].filter((name) => name.endsWith(extension))
}

/** From here on there is no space for operations of this kind on files of this extension. */
export function fillDisk(fileSystem: FaultyFileSystem, extension = '', kind: OperationKind = 'write'): void {
  fileSystem.onOperation = (_index, each, name) =>
    each === kind && name.endsWith(extension) ? { error: 'ENOSPC' } : 'continue'
}

/** Only operation number `which` (from 0) of this kind on files of this extension fails. */
export function failOnce(
  fileSystem: FaultyFileSystem,
  which: number,
  extension: string,
  kind: OperationKind,
  error: 'ENOSPC' | 'EIO',
): void {
  let seen = 0
  fileSystem.onOperation = (_index, each, name) =>
    each === kind && name.endsWith(extension) && seen++ === which ? { error } : 'continue'
}

export function freeDisk(fileSystem: FaultyFileSystem): void {
  fileSystem.onOperation = undefined
}

/** What remains after a power loss. */
export function powerLoss(fileSystem: FaultyFileSystem): FaultyFileSystem {
  return fileSystem.crashImage('loseAll', () => 0.5)
}

/** The promise's outcome, or a failure once it is clear that it stays pending. */
export async function within<T>(ms: number, promise: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`not settled within ${ms} ms`)), ms)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

/** Makes a flush that asks for work again and again in one turn fail instead of never ending. */
export function forbidSpinning(database: object): void {
  const { flusher } = keeperOf(database)
  const request = flusher.request.bind(flusher)
  let calls = 0
  flusher.request = () => {
    if (++calls > 1000) throw new Error('the flusher spins')
    return request()
  }
}

/** 'ok' or the code of the error. */
export function codeOf(step: () => unknown): string {
  try {
    step()
    return 'ok'
  } catch (error) {
    return error instanceof VarveError ? error.code : String(error)
  }
}

/** Puts values until the next write has to start a new journal. */
export function fillJournal(
  database: { putSync(key: string, value: Uint8Array): void },
  valueBytes = 1000,
): void {
  const { journals } = keeperOf(database)
  const value = new Uint8Array(valueBytes)
  for (let i = 0; !journals.full; i++) {
    expect(i).toBeLessThan(10_000)
    database.putSync(`fill${i % 10}`, value)
  }
}

export function text(bytes: Uint8Array | undefined): string | undefined {
  return bytes === undefined ? undefined : new TextDecoder().decode(bytes)
}

export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
