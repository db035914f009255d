import { expect } from 'vitest'
import { openOn } from '../../src/api/open.ts'
import type { Database } from '../../src/api/database.ts'
import type { KeyEncoding, OpenOptions, ValueEncoding } from '../../src/api/types.ts'
import { VarveError, type VarveErrorCode } from '../../src/errors.ts'
import type { FileSystem } from '../../src/fs/filesystem.ts'
import { memoryFileSystem } from '../../src/fs/memory.ts'

export const SMALL_MEMORY: number = 16 * 1048576

export type TextDatabase = Database<'utf8', 'utf8'>

/** A database of strings on a file system in memory. */
export function openText(
  fileSystem: FileSystem = memoryFileSystem(),
  options: OpenOptions<'utf8', 'utf8'> = {},
): Promise<TextDatabase> {
  return openOn(fileSystem, {
    keyEncoding: 'utf8',
    valueEncoding: 'utf8',
    memoryLimit: SMALL_MEMORY,
    ...options,
  })
}

/** A database of bytes on a file system in memory. */
export function openBytes<KE extends KeyEncoding = 'bytes', VE extends ValueEncoding = 'bytes'>(
  options: OpenOptions<KE, VE> = {},
  fileSystem: FileSystem = memoryFileSystem(),
): Promise<Database<KE, VE>> {
  return openOn<KE, VE>(fileSystem, { memoryLimit: SMALL_MEMORY, ...options })
}

/** Expects a VarveError of this code whose message is one sentence a user can act on. */
export async function expectCode(code: VarveErrorCode, step: () => unknown): Promise<VarveError> {
  let caught: unknown
  try {
    await step()
  } catch (error) {
    caught = error
  }
  expect(caught).toBeInstanceOf(VarveError)
  const error = caught as VarveError
  expect(error.code).toBe(code)
  expect(error.message.length).toBeGreaterThan(20)
  expect(error.message).toMatch(/[.)]$/)
  return error
}

/** A promise's state without waiting for it. */
export async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  const pending = Symbol('pending')
  const first = await Promise.race([promise.catch(() => undefined), Promise.resolve(pending)])
  return first !== pending
}
