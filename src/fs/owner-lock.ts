/**
 * One owner per database directory, without native code: a listening Unix-domain socket is alive exactly as
 * long as its process, even when that process is too busy to answer. (Windows: a named pipe.)
 *
 * A claim is four steps, in this ORDER: `link()` a listening socket to `LOCK.<n+1>`, n the highest generation there
 * is; list the directory; probe every other generation in it, and give up if one is alive (or higher); look whether the
 * own link is still there. From then on until it closes its socket or removes its link the claimer is the owner.
 *
 * INVARIANT: links are removed only by an owner: those of others whenever it likes, its own as its last act.
 *
 * So two owners never exist. Suppose they do, P and Q, and take the first time it happens; let P have listed after
 * Q did. Was the link of Q there when P listed? Q had made it before its own listing. Only an owner could have removed
 * it: before Q looked at its link, and then Q gave up; or later, and then Q had company earlier than at the first
 * time. So P listed the link of Q and probed it; Q was alive, and P gave up. Contradiction.
 *
 * NOTE: the argument needs neither that generations never go back nor that the directory stays the same: a link made
 * in a directory that was taken away since is not found when its maker looks for it. Therefore the lock may be
 * destroyed with its database. The link of an owner that closes stays, as that of one that was killed does.
 */
import { createHash } from 'node:crypto'
import { lstatSync, readdirSync, realpathSync, statSync, unlinkSync } from 'node:fs'
import type { Server } from 'node:net'
import { join } from 'node:path'
import { VarveError } from '../errors.ts'
import type { OwnerLock } from './filesystem.ts'
import { hostErrorCode, refusedByRuntime } from './host-error.ts'
import {
  bindTemporary,
  closeSocket,
  linkSocket,
  listen,
  probe,
  temporaryName,
  temporaryPattern,
  type BoundSocket,
} from './lock-socket.ts'
import { machineId, ownerName, readOwner, writeOwner, type OwnerRecord } from './owner-file.ts'

const isWindows = process.platform === 'win32'
const generationPattern = /^LOCK\.([1-9][0-9]{0,14})$/
const highestPossibleGeneration = 999_999_999_999_999
/** Every lost attempt is somebody else's success, so this many in a row means a crowd. */
const maximumAttempts = 100

/** What makes an owner; a pipe has generation 0 and no link. */
interface Claim {
  server: Server
  generation: number
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

/** @returns the highest generation that somebody listens at, or undefined */
async function firstAlive(root: string, among: readonly number[]): Promise<number | undefined> {
  for (const generation of among.toReversed())
    if ((await probe(root, generation)) === 'alive') return generation
  return undefined
}

/** After linking: whether this claim holds. See the argument at the top of the file. */
async function standsAlone(root: string, generation: number, socket: BoundSocket): Promise<boolean> {
  // ORDER: list, probe, then look for the own link.
  const others = generations(root).filter((each) => each !== generation)
  // NOTE: not needed for safety; the owner's generation is the highest, so that its sweep leaves no other.
  if (others.some((each) => each > generation)) return false
  if ((await firstAlive(root, others)) !== undefined) return false
  const link = lstatSync(join(root, `LOCK.${generation}`), { bigint: true, throwIfNoEntry: false })
  return link?.ino === socket.inode
}

/** Owner only: removes what former owners and broken attempts left behind. */
function removeLeftovers(root: string, own: number): void {
  for (const each of generations(root)) if (each !== own) unlinkIfPresent(join(root, `LOCK.${each}`))
  // NOTE: this may hit a rival's socket in the making: its link() then fails with ENOENT and it starts over.
  for (const name of readdirSync(root)) {
    if (temporaryPattern.test(name)) unlinkIfPresent(join(root, name))
  }
}

function sweep(root: string, own: number): void {
  try {
    removeLeftovers(root, own)
  } catch {
    // Leftovers are harmless; the next owner tries again.
  }
}

/** Becomes the owner, or throws. On return the `owner` file names us. */
async function claimSocket(root: string, self: OwnerRecord): Promise<Claim> {
  let socket: BoundSocket | undefined
  try {
    for (let attempt = 0; attempt < maximumAttempts; attempt++) {
      refuseForeignOwner(root, self)
      // NOTE: all of them: an owner may stand below the dead link of a claim that was given up.
      const present = generations(root)
      const alive = await firstAlive(root, present)
      if (alive !== undefined) throw heldByAnother(root, alive, self)
      const highest = present.at(-1) ?? 0
      const generation = highest + 1
      if (generation > highestPossibleGeneration) {
        const message = `LOCK.${highest} in ${root} was not made by this program; delete it and open again.`
        throw new VarveError('CORRUPT', message, { file: `LOCK.${highest}` })
      }
      const bound = socket ?? (await bindTemporary(root))
      socket = bound
      if (bound === undefined) continue
      const outcome = linkSocket(root, bound, generation)
      if (outcome === 'taken') continue
      if (outcome === 'lost' || !(await standsAlone(root, generation, bound))) {
        // NOTE: a link that was made stays and is dead now. Removing it by its name could hit that of an owner.
        closeSocket(bound)
        socket = undefined
        continue
      }
      // A second look, now that a newcomer on another machine would find our link. The link stays behind.
      refuseForeignOwner(root, self)
      sweep(root, generation)
      writeOwner(root, { ...self, generation: String(generation) }, temporaryName())
      socket = undefined
      return { server: bound.server, generation }
    }
    throw locked(`The database at ${root} is being opened by several other processes; try again later.`)
  } finally {
    if (socket !== undefined) closeSocket(socket)
  }
}

/** Windows: a pipe name is exclusive by itself and disappears with its process. */
async function claimPipe(root: string, self: OwnerRecord): Promise<Claim> {
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
    return { server, generation: 0 }
  } catch (error) {
    server.close()
    throw error
  }
}

function asVarveError(error: unknown, action: 'take' | 'remove', directory: string): unknown {
  const refusal = refusedByRuntime(error, `${action} the owner lock of ${directory}`)
  if (refusal !== undefined) return refusal
  const code = hostErrorCode(error)
  if (error instanceof VarveError || code.startsWith('ERR_')) return error
  if (code === 'ENOENT') {
    return new VarveError('NOT_FOUND', `The directory ${directory} does not exist.`, { cause: error })
  }
  const full = code === 'ENOSPC' || code === 'EDQUOT'
  const advice = full ? 'free some space' : 'check its owner, mode and file system'
  const message = `Cannot ${action} the owner lock of ${directory} (${code}); ${advice} and try again.`
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
    const claim = await (isWindows ? claimPipe(root, self) : claimSocket(root, self))
    return ownerLock(root, claim, unregister)
  } catch (error) {
    unregister?.()
    throw asVarveError(error, 'take', directory)
  }
}

function ownerLock(root: string, { server, generation }: Claim, unregister: () => void): OwnerLock {
  let closed: Promise<void> | undefined
  const close = (): void => {
    // The descriptor is closed before close() returns; only the event comes later.
    closed = new Promise((resolve) => void server.close(() => resolve()))
    unregister()
  }
  const releaseSync = (): void => {
    if (closed !== undefined) return
    // ORDER: the file goes while the socket still keeps others out; later it could be the next owner's.
    try {
      unlinkIfPresent(join(root, ownerName))
    } catch {
      // It stays and names a process that is gone: on this machine the socket decides anyway.
    }
    close()
  }
  const release = async (): Promise<void> => {
    releaseSync()
    await closed
  }
  const destroy = async (): Promise<void> => {
    if (closed !== undefined) return
    try {
      removeLeftovers(root, generation)
      // ORDER: as in releaseSync, and the own link last: without it the next owner may be there already. CRASH: a cut in
      // between leaves a dead link, as that of any owner that was killed.
      unlinkIfPresent(join(root, ownerName))
      if (!isWindows) unlinkIfPresent(join(root, `LOCK.${generation}`))
    } catch (error) {
      throw asVarveError(error, 'remove', root)
    }
    close()
    await closed
  }
  return { release, releaseSync, destroy }
}
