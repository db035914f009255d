/**
 * One owner per database directory, without native code: a listening Unix-domain socket is alive exactly as
 * long as its process, even when that process is too busy to answer. (Windows: a named pipe.)
 *
 * INVARIANT: the socket is claimed by `link()` to `LOCK.<n+1>`, n the highest generation there is; only an owner
 * deletes lower ones, in ascending order; the highest is never deleted. So generations never go back, and
 * whoever links late notices: a higher one exists, or its own link was swept away.
 */
import { createHash, randomBytes } from 'node:crypto'
import {
  chmodSync,
  closeSync,
  constants,
  existsSync,
  linkSync,
  lstatSync,
  openSync,
  readdirSync,
  realpathSync,
  statSync,
  symlinkSync,
  unlinkSync,
} from 'node:fs'
import { createConnection, createServer } from 'node:net'
import type { Server, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { VarveError } from '../errors.ts'
import type { OwnerLock } from './filesystem.ts'
import { hostErrorCode } from './host-error.ts'
import { machineId, ownerName, readOwner, writeOwner, type OwnerRecord } from './owner-file.ts'

const isWindows = process.platform === 'win32'
const generationPattern = /^LOCK\.([1-9][0-9]{0,14})$/
const highestPossibleGeneration = 999_999_999_999_999
const temporaryPattern = /^LOCK\.new-[0-9a-f]{16}$/
/** Room in sockaddr_un is 104 bytes on BSD, 108 on Linux; libuv cuts longer paths off without a word. */
const longestSocketPathBytes = 100
/** Every lost attempt is somebody else's success, so this many in a row means a crowd. */
const maximumAttempts = 100

/** A listening socket under a temporary name. */
interface BoundSocket {
  server: Server
  path: string
  inode: bigint
}

function locked(message: string): VarveError {
  return new VarveError('LOCKED', message)
}

// ---- the databases open in this process -------------------------------------------------------------------

const registryKey = Symbol.for('varve.open')

/** Shared by every copy of this module in the thread, hence on the global object. */
function openDatabases(): Set<string> {
  const holder = globalThis as { [registryKey]?: Set<string> }
  return (holder[registryKey] ??= new Set())
}

/** Refuses what is open here already. Synchronous, so two calls in one turn cannot both pass. */
function register(root: string): () => void {
  const { dev, ino } = statSync(root, { bigint: true })
  const keys = [`path:${root}`, `inode:${dev}:${ino}`]
  const open = openDatabases()
  if (keys.some((key) => open.has(key))) throw openHere(root)
  for (const key of keys) open.add(key)
  return () => {
    for (const key of keys) open.delete(key)
  }
}

function openHere(root: string): VarveError {
  return locked(`The database at ${root} is already open in this process; use that one, or share() it.`)
}

// ---- who the owner is -------------------------------------------------------------------------------------

/**
 * A socket of another machine's kernel refuses connections here whether its owner lives or not, so such an owner
 * is never declared dead. The same boot means the same kernel, whatever a container calls itself.
 */
function refuseForeignOwner(root: string, self: OwnerRecord): void {
  const owner = readOwner(root)
  if (owner === undefined || owner.machine === self.machine) return
  if (owner.boot === self.boot && /[^0]/.test(self.boot)) return
  throw locked(
    `The database at ${root} belongs to process ${owner.pid} on another machine; ` +
      `if that machine is surely gone, delete ${join(root, ownerName)} and open again.`,
  )
}

function heldByAnother(root: string, generation: number, self: OwnerRecord): VarveError {
  const owner = readOwner(root)
  // NOTE: right after a change of hands the file still speaks of the previous owner; better no pid than a wrong one.
  if (owner === undefined || owner.generation !== String(generation)) {
    return locked(`The database at ${root} is being opened by another process; close it there first.`)
  }
  if (owner.pid === self.pid && owner.boot === self.boot && owner.machine === self.machine)
    return openHere(root)
  return locked(`The database at ${root} is already open in process ${owner.pid}; close it there first.`)
}

// ---- sockets ----------------------------------------------------------------------------------------------

function temporaryName(): string {
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
function listen(path: string): Promise<Server> {
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

/** @returns undefined when an owner's sweep took it for a leftover */
async function bindTemporary(root: string): Promise<BoundSocket | undefined> {
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
    throw unsupportedOr(cause, root)
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
async function probe(root: string, generation: number): Promise<'alive' | 'dead' | 'gone'> {
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

// ---- generations ------------------------------------------------------------------------------------------

/** All generations there are, ascending. */
function generations(root: string): number[] {
  const found: number[] = []
  for (const name of readdirSync(root)) {
    const match = generationPattern.exec(name)
    if (match !== null) found.push(Number(match[1]))
  }
  return found.sort((a, b) => a - b)
}

function unlinkIfPresent(path: string): void {
  try {
    unlinkSync(path)
  } catch (error) {
    if (hostErrorCode(error) !== 'ENOENT') throw error
  }
}

/**
 * After linking. A higher generation may have come and gone between our look and our link, or be coming while
 * this listing is read; in the last case its owner swept our link away before the file the listing missed.
 */
function standsHighest(root: string, generation: number, socket: BoundSocket): boolean {
  const link = join(root, `LOCK.${generation}`)
  // ORDER: list first, then look for the own link.
  const highest = generations(root).at(-1) ?? 0
  const own = lstatSync(link, { bigint: true, throwIfNoEntry: false })?.ino === socket.inode
  if (own && highest > generation) unlinkIfPresent(link)
  return own && highest === generation
}

/** Owner only: removes what former owners and broken attempts left behind. */
function sweep(root: string, generation: number): void {
  try {
    // ORDER: ascending, and not past one that resists: `standsHighest` of a late rival relies on it.
    for (const lower of generations(root)) {
      if (lower < generation) unlinkIfPresent(join(root, `LOCK.${lower}`))
    }
    // NOTE: this may hit a rival's socket in the making: its link() then fails with ENOENT and it starts over.
    for (const name of readdirSync(root)) {
      if (temporaryPattern.test(name)) unlinkIfPresent(join(root, name))
    }
  } catch {
    // Leftovers are harmless; the next owner tries again.
  }
}

function linkSocket(root: string, socket: BoundSocket, generation: number): 'linked' | 'taken' | 'lost' {
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

function closeSocket(socket: BoundSocket): void {
  // NOTE: libuv also unlinks the path it was bound to, by now a name nobody uses.
  socket.server.close()
  try {
    unlinkSync(socket.path)
  } catch {
    // Gone, or left to the next owner's sweep.
  }
}

/** Becomes the owner, or throws. On return the `owner` file names us. */
async function claimSocket(root: string, self: OwnerRecord): Promise<Server> {
  let socket: BoundSocket | undefined
  try {
    for (let attempt = 0; attempt < maximumAttempts; attempt++) {
      refuseForeignOwner(root, self)
      const highest = generations(root).at(-1) ?? 0
      if (highest > 0) {
        const answer = await probe(root, highest)
        if (answer === 'alive') throw heldByAnother(root, highest, self)
        if (answer === 'gone') continue
      }
      const generation = highest + 1
      if (generation > highestPossibleGeneration) {
        const message = `LOCK.${highest} in ${root} was not made by this program; delete it and open again.`
        throw new VarveError('CORRUPT', message, { file: `LOCK.${highest}` })
      }
      const bound = socket ?? (await bindTemporary(root))
      socket = bound
      if (bound === undefined) continue
      const outcome = linkSocket(root, bound, generation)
      if (outcome === 'lost') {
        closeSocket(bound)
        socket = undefined
        continue
      }
      if (outcome === 'taken' || !standsHighest(root, generation, bound)) continue
      // A second look, now that a newcomer on another machine would find our link. The link stays behind.
      refuseForeignOwner(root, self)
      sweep(root, generation)
      writeOwner(root, { ...self, generation: String(generation) }, temporaryName())
      socket = undefined
      return bound.server
    }
    throw locked(`The database at ${root} is being opened by several other processes; try again later.`)
  } finally {
    if (socket !== undefined) closeSocket(socket)
  }
}

/** Windows: a pipe name is exclusive by itself and disappears with its process. */
async function claimPipe(root: string, self: OwnerRecord): Promise<Server> {
  refuseForeignOwner(root, self)
  const digest = createHash('sha256').update(root.toLowerCase()).digest('hex')
  let server: Server
  try {
    server = await listen(`\\\\.\\pipe\\varve-${digest.slice(0, 32)}`)
  } catch (error) {
    const code = hostErrorCode(error)
    if (code === 'EADDRINUSE' || code === 'EACCES') throw heldByAnother(root, Number(self.generation), self)
    throw error
  }
  try {
    writeOwner(root, self, temporaryName())
    return server
  } catch (error) {
    server.close()
    throw error
  }
}

function asVarveError(error: unknown, directory: string): unknown {
  const code = hostErrorCode(error)
  if (error instanceof VarveError || code.startsWith('ERR_')) return error
  if (code === 'ENOENT') {
    return new VarveError('NOT_FOUND', `The directory ${directory} does not exist.`, { cause: error })
  }
  const full = code === 'ENOSPC' || code === 'EDQUOT'
  const advice = full ? 'free some space' : 'check its owner, mode and file system'
  const message = `Cannot take the owner lock of ${directory} (${code}); ${advice} and open again.`
  return new VarveError(full ? 'DISK_FULL' : 'IO', message, { cause: error })
}

/**
 * Makes this process the owner of `directory`.
 *
 * @param bootId 16 bytes, all zero when unknown
 * @throws LOCKED when somebody else owns it; NOT_SUPPORTED when the file system has no sockets or links
 */
export async function takeOwnerLock(directory: string, bootId: Uint8Array): Promise<OwnerLock> {
  let unregister: (() => void) | undefined
  try {
    const root = realpathSync(directory)
    unregister = register(root)
    const boot = Buffer.from(bootId).toString('hex')
    const self: OwnerRecord = { pid: String(process.pid), machine: machineId(), boot, generation: '0' }
    const server = await (isWindows ? claimPipe(root, self) : claimSocket(root, self))
    return ownerLock(root, server, unregister)
  } catch (error) {
    unregister?.()
    throw asVarveError(error, directory)
  }
}

function ownerLock(root: string, server: Server, unregister: () => void): OwnerLock {
  let closed: Promise<void> | undefined
  const releaseSync = (): void => {
    if (closed !== undefined) return
    // ORDER: the file goes while the socket still keeps others out; later it could be the next owner's.
    try {
      unlinkIfPresent(join(root, ownerName))
    } catch {
      // It stays and names a process that is gone: on this machine the socket decides anyway.
    }
    // The descriptor is closed before close() returns; only the event comes later.
    closed = new Promise((resolve) => void server.close(() => resolve()))
    unregister()
  }
  const release = async (): Promise<void> => {
    releaseSync()
    await closed
  }
  return { release, releaseSync }
}
