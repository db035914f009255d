/**
 * Disks with a seeded bug, for positive controls: a checker that does not notice them would not notice an engine that makes
 * the same mistake.
 */
import type { File, FileSystem } from '../../src/fs/filesystem.ts'
import type { FaultyFileSystem } from '../support/faulty.ts'

/** What a broken disk does instead of an operation on a file; `go` carries it out. */
export interface Mischief {
  write?(
    file: File,
    source: Uint8Array,
    start: number,
    length: number,
    position: number,
    go: () => void,
  ): void
  sync?(file: File, go: () => void): void
  syncDirectory?(go: () => void): void
  close?(file: File, go: () => void): void
}

/** The same simulated disk, reached through a driver that lies. */
export function misled(files: FaultyFileSystem, mischief: Mischief): FaultyFileSystem {
  const wrap = (file: File): File =>
    new Proxy(file, {
      get(target, property) {
        if (property === 'write' && mischief.write !== undefined) {
          return (source: Uint8Array, start: number, length: number, position: number): void =>
            mischief.write?.(target, source, start, length, position, () =>
              target.write(source, start, length, position),
            )
        }
        if (property === 'sync' && mischief.sync !== undefined) {
          return (): void => mischief.sync?.(target, () => target.sync())
        }
        if (property === 'syncAsync' && mischief.sync !== undefined) {
          return async (): Promise<void> => {
            let done = Promise.resolve()
            mischief.sync?.(target, () => {
              done = target.syncAsync()
            })
            await done
          }
        }
        if (property === 'close' && mischief.close !== undefined) {
          return (): void => mischief.close?.(target, () => target.close())
        }
        return bound(target, property)
      },
    })
  return new Proxy(files, {
    get(target, property) {
      if (property === 'create') return async (name: string): Promise<File> => wrap(await target.create(name))
      if (property === 'createSync') return (name: string): File => wrap(target.createSync(name))
      if (property === 'open') {
        return async (name: string, writable: boolean): Promise<File> =>
          wrap(await target.open(name, writable))
      }
      if (property === 'syncDirectory' && mischief.syncDirectory !== undefined) {
        return async (): Promise<void> => {
          let done = Promise.resolve()
          mischief.syncDirectory?.(() => {
            done = target.syncDirectory()
          })
          await done
        }
      }
      if (property === 'syncDirectorySync' && mischief.syncDirectory !== undefined) {
        return (): void => mischief.syncDirectory?.(() => target.syncDirectorySync())
      }
      return bound(target, property)
    },
    set(target, property, value) {
      return Reflect.set(target, property, value, target)
    },
  })
}

/** Private fields are found on the real object only. */
function bound(target: File | FileSystem, property: string | symbol): unknown {
  const member: unknown = Reflect.get(target, property, target)
  return typeof member === 'function' ? member.bind(target) : member
}
