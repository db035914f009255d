/** The sockets of the owner lock: bound under a temporary name, linked to a generation, probed by others. */
import { randomBytes } from 'node:crypto'
import {
  chmodSync,
  closeSync,
  constants,
  existsSync,
  linkSync,
  lstatSync,
  openSync,
  symlinkSync,
  unlinkSync,
} from 'node:fs'
import { createConnection, createServer } from 'node:net'
import type { Server, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { VarveError } from '../errors.ts'
import { hostErrorCode } from './host-error.ts'

export const temporaryPattern: RegExp = /^LOCK\.new-[0-9a-f]{16}$/
/** Room in sockaddr_un is 104 bytes on BSD, 108 on Linux; libuv cuts longer paths off without a word. */
const longestSocketPathBytes = 100
/** `bind` in a directory that goes away meanwhile fails like one without permission; so it is asked again. */
const maximumBinds = 3

/** A listening socket under a temporary name. */
export interface BoundSocket {
  server: Server
  path: string
  inode: bigint
}

export function temporaryName(): string {
  return `LOCK.new-${randomBytes(8).toString('hex')}`
}

/** Calls `use` with a path of that file which fits into a socket address. */
async function withSocketPath<T>(root: string, name: string, use: (path: string) => Promise<T>): Promise<T> {
  const path = join(root, name)
  if (Buffer.byteLength(path) <= longestSocketPathBytes) return await use(path)
  const descriptor = openSync(root, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    const short = `/proc/self/fd/${descriptor}`
    if (existsSync(short)) return await use(`${short}/${name}`)
  } finally {
    closeSync(descriptor)
  }
  const link = join(tmpdir(), `varve-${randomBytes(8).toString('hex')}`)
  symlinkSync(root, link)
  try {
    return await use(`${link}/${name}`)
  } finally {
    unlinkSync(link)
  }
}

/** Takes and drops every connection: being reachable is all a prober wants to know. */
export function listen(path: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer({ pauseOnConnect: true }, (socket) => {
      socket.on('error', ignore)
      socket.destroy()
    })
    server.once('error', reject)
    // `exclusive`: in a cluster worker the primary process would own the socket otherwise.
    server.listen({ path, exclusive: true }, () => {
      server.off('error', reject)
      server.on('error', ignore)
      server.unref()
      resolve(server)
    })
  })
}

function ignore(): void {}

/** @returns undefined when an owner's sweep took it for a leftover, or the directory is gone */
export async function bindTemporary(root: string): Promise<BoundSocket | undefined> {
  for (let bind = 1; ; bind++) {
    const name = temporaryName()
    const path = join(root, name)
    try {
      const server = await withSocketPath(root, name, listen)
      try {
        chmodSync(path, 0o600)
        return { server, path, inode: lstatSync(path, { bigint: true }).ino }
      } catch (error) {
        server.close()
        if (hostErrorCode(error) === 'ENOENT') return undefined
        throw error
      }
    } catch (cause) {
      // NOTE: libuv reports ENOENT as EACCES here, and another opener may have created the directory again since.
      if (hostErrorCode(cause) !== 'EACCES' || bind === maximumBinds) throw unsupportedOr(cause, root)
      if (!existsSync(root)) return undefined
    }
  }
}

/** FAT, some network and some FUSE file systems have no sockets or no hard links. */
function unsupportedOr(cause: unknown, root: string): unknown {
  const code = hostErrorCode(cause)
  if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'].includes(code)) return cause
  const message = `The file system of ${root} cannot hold the owner lock, a linked socket (${code}); move the database to a local file system.`
  return new VarveError('NOT_SUPPORTED', message, { cause })
}

/** Asks the kernel, not the owner: a connection is complete before anybody accepts it. */
export async function probe(root: string, generation: number): Promise<'alive' | 'dead' | 'gone'> {
  const name = `LOCK.${generation}`
  return await withSocketPath(root, name, async (path) => {
    const socket: Socket = createConnection({ path })
    try {
      await new Promise<void>((resolve, reject) => {
        socket.once('connect', resolve)
        socket.on('error', reject)
      })
      return 'alive'
    } catch (error) {
      switch (hostErrorCode(error)) {
        case 'ECONNREFUSED':
        case 'ENOTSOCK':
          return 'dead'
        case 'ENOENT':
        // It was alive and closed before this thread looked: ask again.
        case 'ECONNRESET':
          return 'gone'
        // Linux, when the owner has been too busy to accept for very many probes.
        case 'EAGAIN':
          return 'alive'
        default:
          throw error
      }
    } finally {
      socket.destroy()
    }
  })
}

export function linkSocket(
  root: string,
  socket: BoundSocket,
  generation: number,
): 'linked' | 'taken' | 'lost' {
  try {
    linkSync(socket.path, join(root, `LOCK.${generation}`))
    return 'linked'
  } catch (error) {
    const code = hostErrorCode(error)
    if (code === 'EEXIST') return 'taken'
    if (code === 'ENOENT') return 'lost'
    throw unsupportedOr(error, root)
  }
}

export function closeSocket(socket: BoundSocket): void {
  // NOTE: libuv also unlinks the path it was bound to, by now a name nobody uses.
  socket.server.close()
  try {
    unlinkSync(socket.path)
  } catch {
    // Gone, or left to the next owner's sweep.
  }
}
