/** An origin private file system in memory: directories, files, exclusive handles, as much as the implementation uses. */
import type { OpfsHost } from '../../src/fs/opfs.ts'

/** What tests may change: the host obeys at once. */
export interface PretendedOpfs extends OpfsHost {
  /** Bytes that all files together may have. */
  quotaBytes: number
  /** What a write says it has written, of what it has. */
  written: (bytes: number) => number
  /** Calls by name. */
  readonly calls: string[]
  /** A file by its path. */
  bytesOf(path: string): Uint8Array | undefined
}

class Content {
  bytes: Uint8Array<ArrayBuffer> = new Uint8Array(0)
  isHeld = false
}

type Entries = Map<string, Content | Entries>

export function pretendedOpfs(): PretendedOpfs {
  const root: Entries = new Map()
  const host: PretendedOpfs = {
    quotaBytes: Infinity,
    written: (bytes) => bytes,
    calls: [],
    locks: undefined,
    root: async () => directoryOf(host, root, root),
    bytesOf(path) {
      let place: Content | Entries | undefined = root
      for (const name of path.split('/')) place = place instanceof Map ? place.get(name) : undefined
      return place instanceof Content ? place.bytes : undefined
    },
  }
  return host
}

function failure(name: string): DOMException {
  return new DOMException('pretended', name)
}

function directoryOf(host: PretendedOpfs, root: Entries, entries: Entries): FileSystemDirectoryHandle {
  const child = <T>(
    name: string,
    create: boolean,
    isKind: (entry: unknown) => entry is T,
    make: () => T & (Content | Entries),
  ): T => {
    const found = entries.get(name)
    if (found === undefined && create) {
      const made = make()
      entries.set(name, made)
      return made
    }
    if (found === undefined) throw failure('NotFoundError')
    if (!isKind(found)) throw failure('TypeMismatchError')
    return found
  }
  const handle = {
    async getDirectoryHandle(name: string, { create = false } = {}) {
      const isDirectory = (entry: unknown): entry is Entries => entry instanceof Map
      return directoryOf(
        host,
        root,
        child(name, create, isDirectory, () => new Map()),
      )
    },
    async getFileHandle(name: string, { create = false } = {}) {
      if (create) host.calls.push(`create ${name}`)
      const isFile = (entry: unknown): entry is Content => entry instanceof Content
      return fileOf(
        host,
        root,
        name,
        child(name, create, isFile, () => new Content()),
      )
    },
    async removeEntry(name: string) {
      const found = entries.get(name)
      if (found === undefined) throw failure('NotFoundError')
      if (found instanceof Map ? found.size > 0 : found.isHeld)
        throw failure(found instanceof Map ? 'InvalidModificationError' : 'NoModificationAllowedError')
      entries.delete(name)
    },
    keys: async function* () {
      yield* [...entries.keys()]
    },
  }
  return handle as unknown as FileSystemDirectoryHandle
}

function fileOf(host: PretendedOpfs, root: Entries, name: string, content: Content): FileSystemFileHandle {
  const handle = {
    getFile: async () => new Blob([content.bytes]),
    async createSyncAccessHandle() {
      if (content.isHeld) throw failure('NoModificationAllowedError')
      content.isHeld = true
      return accessOf(host, root, name, content)
    },
  }
  return handle as unknown as FileSystemFileHandle
}

function accessOf(
  host: PretendedOpfs,
  root: Entries,
  name: string,
  content: Content,
): FileSystemSyncAccessHandle {
  let isOpen = true
  const opened = (): void => {
    if (!isOpen) throw failure('InvalidStateError')
  }
  const resize = (size: number): void => {
    if (usedBytes(root) - content.bytes.byteLength + size > host.quotaBytes)
      throw failure('QuotaExceededError')
    const grown = new Uint8Array(size)
    grown.set(content.bytes.subarray(0, size))
    content.bytes = grown
  }
  const handle = {
    getSize() {
      opened()
      return content.bytes.byteLength
    },
    read(target: Uint8Array, { at = 0 } = {}) {
      opened()
      const piece = content.bytes.subarray(at, at + target.byteLength)
      target.set(piece)
      return piece.byteLength
    },
    write(source: Uint8Array, { at = 0 } = {}) {
      opened()
      const length = host.written(source.byteLength)
      if (length <= source.byteLength) {
        if (at + length > content.bytes.byteLength) resize(at + length)
        content.bytes.set(source.subarray(0, length), at)
      }
      return length
    },
    truncate(size: number) {
      opened()
      resize(size)
    },
    flush() {
      opened()
      host.calls.push(`flush ${name}`)
    },
    close() {
      isOpen = false
      content.isHeld = false
    },
  }
  return handle
}

function usedBytes(entries: Entries): number {
  let bytes = 0
  for (const entry of entries.values())
    bytes += entry instanceof Map ? usedBytes(entry) : entry.bytes.byteLength
  return bytes
}
