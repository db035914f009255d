/** Tells what is done to a simulated disk, with the bytes that its log does not keep. */
import type { File } from '../../../src/fs/filesystem.ts'
import type { FaultyFileSystem } from '../../support/faulty.ts'
import type { TraceEvent } from './trace.ts'

/** The same disk, reached through a driver that tells. */
export function tracedDisk(files: FaultyFileSystem, emit: (event: TraceEvent) => void): FaultyFileSystem {
  let tokens = 0
  const syncing = (file: string, sync: () => void): void => {
    const token = ++tokens
    emit({ kind: 'syncStart', file, token })
    let failed = true
    try {
      sync()
      failed = false
    } finally {
      emit({ kind: 'sync', file, token, failed })
      // NOTE: one thread, and its next step knows.
      if (failed) emit({ kind: 'settled' })
    }
  }
  const syncingAsync = async (file: string, sync: () => Promise<void>): Promise<void> => {
    const token = ++tokens
    emit({ kind: 'syncStart', file, token })
    let failed = true
    try {
      await sync()
      failed = false
    } finally {
      emit({ kind: 'sync', file, token, failed })
      // NOTE: one thread, and its next step knows.
      if (failed) emit({ kind: 'settled' })
    }
  }
  const traced = (file: File): File => {
    const { name } = file
    const own: Partial<File> = {
      write: (source, start, length, position) => {
        emit({ kind: 'write', file: name, offset: position, bytes: source.slice(start, start + length) })
        file.write(source, start, length, position)
        emit({ kind: 'written', file: name })
      },
      truncate: (length) => {
        file.truncate(length)
        emit({ kind: 'truncate', file: name, length })
      },
      sync: () => syncing(name, () => file.sync()),
      syncAsync: () => syncingAsync(name, () => file.syncAsync()),
    }
    return overlaid(file, own)
  }
  const created = (name: string, create: () => File): File => {
    const file = create()
    emit({ kind: 'create', file: name })
    return traced(file)
  }
  const own: Partial<FaultyFileSystem> = {
    create: async (name) => created(name, () => files.createSync(name)),
    createSync: (name) => created(name, () => files.createSync(name)),
    open: async (name, writable) => traced(await files.open(name, writable)),
    remove: async (name) => {
      emit({ kind: 'unlink', file: name })
      await files.remove(name)
    },
    removeSync: (name) => {
      emit({ kind: 'unlink', file: name })
      files.removeSync(name)
    },
    syncDirectory: () => syncingAsync('', () => files.syncDirectory()),
    syncDirectorySync: () => syncing('', () => files.syncDirectorySync()),
  }
  return overlaid(files, own)
}

/** `target` with other members. NOTE: private fields are found on the real object only. */
function overlaid<T extends object>(target: T, own: Partial<T>): T {
  return new Proxy(target, {
    get(_, property) {
      if (Object.hasOwn(own, property)) return Reflect.get(own, property)
      const member: unknown = Reflect.get(target, property, target)
      return typeof member === 'function' ? (member.bind(target) as unknown) : member
    },
    set(_, property, value) {
      return Reflect.set(target, property, value, target)
    },
  })
}
