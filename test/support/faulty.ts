/**
 * A simulated disk that can lose power, lie and fail: RELIABILITY.md appendix B. It knows what is `live` (what
 * programs see), what is `durable` (what a power cut leaves), and the effects on the way from one to the other,
 * in order, per file and for the directory. Deterministic: every choice comes from a random source passed in.
 */
import { VarveError } from '../../src/errors.ts'
import type { File, FileSystem, OwnerLock } from '../../src/fs/filesystem.ts'
import {
  checkFileName,
  checkSourceRange,
  fileClosed,
  fileExists,
  fileNotFound,
  fileReadOnly,
} from '../../src/fs/memory.ts'
import { pick } from './random.ts'

/**
 * `syncAsync` is two operations: `syncStart`, and `sync` when it completes. `readAsync` is one `read`, when it completes. Closing and unlocking are none.
 */
export type OperationKind =
  | 'prepare'
  | 'lock'
  | 'list'
  | 'create'
  | 'open'
  | 'remove'
  | 'syncDirectory'
  | 'removeDirectory'
  | 'size'
  | 'read'
  | 'write'
  | 'truncate'
  | 'syncStart'
  | 'sync'

/** After an operation of another kind a crash image is the same as before it. */
export const changingOperations: ReadonlySet<OperationKind> = new Set<OperationKind>([
  'create',
  'remove',
  'syncDirectory',
  'removeDirectory',
  'write',
  'truncate',
  'sync',
])

export type Fault =
  /** The machine is dead: this and every later operation throws SimulatedCrash. */
  | 'crash'
  /** Nothing happens and the host reports this. */
  | { readonly error: 'EIO' | 'ENOSPC' | 'EMFILE' }
  /** Only so many bytes land (less than asked for), then DISK_FULL, or the crash. */
  | { readonly shortWrite: number; readonly thenCrash?: boolean }
  /** Only so many bytes come, as if the file ended there. */
  | { readonly shortRead: number }
  /** EIO. Dropped pages count as clean: no later sync writes them, and the next crash reverts them. */
  | { readonly syncFails: 'dropsPages' | 'keepsPages' }

/** Called BEFORE the operation has any effect: images taken inside show the state without it. */
export type OperationHook = (index: number, kind: OperationKind, name: string) => 'continue' | Fault

export interface OperationRecord {
  readonly kind: OperationKind
  /** Empty for operations on the directory. */
  readonly name: string
  /** Tells two files apart that had the same name one after the other; 0 for none. */
  readonly inode: number
  readonly offset: number
  /** Of a read: what the file has there, at most what was asked for. */
  readonly length: number
  readonly fault: Fault | undefined
}

/**
 * What remains on the disk:
 * - `keepAll`: the process was killed, the system lives on: same boot, and what was not synced still is not
 * - `loseAll`: power loss; only what was synced
 * - `prefixPerFile`: of each file, and of the names, the oldest effects
 * - `randomBlocks`: each 4 KiB block at its own age, sizes too, gaps zero
 * - `tornSector`: the oldest effects, the last of them cut at a 512-byte boundary (at any byte if it crosses none)
 * - `garbage`: the oldest effects, then the file extended by random bytes
 */
export type CrashPolicy = 'keepAll' | 'loseAll' | 'prefixPerFile' | 'randomBlocks' | 'tornSector' | 'garbage'

export const crashPolicies: readonly CrashPolicy[] = [
  'keepAll',
  'loseAll',
  'prefixPerFile',
  'randomBlocks',
  'tornSector',
  'garbage',
]

/** Not a VarveError on purpose: nothing in the engine may take it for an error it can handle. */
export class SimulatedCrash extends Error {
  override readonly name: string = 'SimulatedCrash'

  constructor() {
    super('the simulated machine is dead')
  }
}

export interface FaultyOptions {
  location?: string
  onOperation?: OperationHook
  /** Which boot of the machine this is; a power loss adds one. */
  bootNumber?: number
  syncsTakeTurns?: boolean
}

const sectorBytes = 512
const blockBytes = 4096

/** Bytes that copies share until one of them changes. INVARIANT: beyond `sizeBytes` everything is zero. */
class Content {
  bytes: Uint8Array
  sizeBytes: number
  #shared = false

  constructor(bytes: Uint8Array = new Uint8Array(0), sizeBytes: number = bytes.byteLength) {
    this.bytes = bytes
    this.sizeBytes = sizeBytes
  }

  share(): Content {
    this.#shared = true
    const copy = new Content(this.bytes, this.sizeBytes)
    copy.#shared = true
    return copy
  }

  /** Own bytes, with room for `neededBytes`. Doubling keeps a long series of appends linear. */
  own(neededBytes: number): Uint8Array {
    const capacity = this.bytes.byteLength
    if (this.#shared || neededBytes > capacity) {
      const grown = new Uint8Array(
        neededBytes > capacity ? Math.max(neededBytes, 2 * capacity, 256) : capacity,
      )
      grown.set(this.bytes.subarray(0, this.sizeBytes))
      this.bytes = grown
      this.#shared = false
    }
    return this.bytes
  }

  write(data: Uint8Array, offset: number): void {
    const end = offset + data.byteLength
    this.own(end).set(data, offset)
    if (end > this.sizeBytes) this.sizeBytes = end
  }

  resize(sizeBytes: number): void {
    const bytes = this.own(sizeBytes)
    if (sizeBytes < this.sizeBytes) bytes.fill(0, sizeBytes, this.sizeBytes)
    this.sizeBytes = sizeBytes
  }

  apply(effect: DataEffect): void {
    if (effect.data === undefined) this.resize(effect.offset)
    else this.write(effect.data, effect.offset)
  }

  toBytes(): Uint8Array {
    return this.bytes.slice(0, this.sizeBytes)
  }
}

/** A write at `offset`, or without data a truncation to `offset`. Never changed once made. */
interface DataEffect {
  readonly offset: number
  readonly data: Uint8Array | undefined
}

class Inode {
  readonly id: number
  live: Content
  durable: Content
  /** Not yet durable, oldest first; the first one is number `#settled` of this file. */
  effects: DataEffect[] = []
  #settled = 0

  constructor(id: number, content: Content = new Content()) {
    this.id = id
    this.live = content
    this.durable = content.share()
  }

  clone(): Inode {
    const copy = new Inode(this.id, this.live.share())
    copy.durable = this.durable.share()
    copy.effects = this.effects.slice()
    return copy
  }

  change(effect: DataEffect): void {
    this.live.apply(effect)
    this.effects.push(effect)
  }

  /** The number of the next effect: what a sync that starts now covers ends here. */
  mark(): number {
    return this.#settled + this.effects.length
  }

  settle(mark: number, reachesDisk: boolean): void {
    const count = mark - this.#settled
    if (count <= 0) return
    for (const effect of this.effects.splice(0, count)) if (reachesDisk) this.durable.apply(effect)
    this.#settled = mark
  }

  /** Replaces everything, on the disk too: not an operation of the machine but an accident. */
  replace(content: Content): void {
    this.settle(this.mark(), false)
    this.live = content
    this.durable = content.share()
  }
}

/** A name given to a file, or without inode taken away. */
interface NameEffect {
  readonly name: string
  readonly inode: Inode | undefined
}

function applyName(names: Map<string, Inode>, effect: NameEffect): void {
  if (effect.inode === undefined) names.delete(effect.name)
  else names.set(effect.name, effect.inode)
}

// ---- what a power loss leaves -----------------------------------------------------------------------------

function survivingContent(inode: Inode, policy: CrashPolicy, random: () => number): Content {
  const { effects } = inode
  const content = inode.durable.share()
  const count = effects.length
  if (count === 0 || policy === 'loseAll') return content
  if (policy === 'randomBlocks') return mixBlocks(content, effects, random)
  // At least one effect survives to be torn; at least one is lost to leave garbage.
  const kept =
    policy === 'tornSector' ? pick(random, count) : pick(random, policy === 'garbage' ? count : count + 1)
  for (let index = 0; index < kept; index++) content.apply(effects[index] as DataEffect)
  if (policy === 'tornSector') tear(content, effects[kept] as DataEffect, random)
  if (policy === 'garbage') extendWithGarbage(content, effects.slice(kept), random)
  return content
}

function tear(content: Content, effect: DataEffect, random: () => number): void {
  const { data, offset } = effect
  if (data === undefined) return content.apply(effect)
  const end = offset + data.byteLength
  const firstBoundary = (Math.floor(offset / sectorBytes) + 1) * sectorBytes
  const boundaries = Math.ceil((end - firstBoundary) / sectorBytes)
  const cut =
    boundaries > 0
      ? firstBoundary + sectorBytes * pick(random, boundaries)
      : offset + pick(random, data.byteLength)
  if (cut > offset) content.write(data.subarray(0, cut - offset), offset)
  // The new size may reach the disk without the bytes.
  if (end > content.sizeBytes && random() < 0.5) content.resize(end)
}

function extendWithGarbage(content: Content, lost: DataEffect[], random: () => number): void {
  const start = content.sizeBytes
  const reach = lost.reduce((end, effect) => Math.max(end, effect.offset + (effect.data?.byteLength ?? 0)), 0)
  if (reach <= start) return
  content.resize(start + 1 + pick(random, reach - start))
  for (let index = start; index < content.sizeBytes; index++) content.bytes[index] = pick(random, 256)
}

/** One third of the blocks as on the disk, one third as seen by programs, one third in between. */
function mixBlocks(content: Content, effects: DataEffect[], random: () => number): Content {
  const count = effects.length
  const pickAge = (): number => {
    const choice = random()
    return choice < 1 / 3 ? 0 : choice < 2 / 3 ? count : pick(random, count + 1)
  }
  const sizes = [content.sizeBytes]
  for (const { data, offset } of effects) {
    sizes.push(data === undefined ? offset : Math.max(sizes.at(-1) ?? 0, offset + data.byteLength))
  }
  const size = sizes[pickAge()] ?? 0
  const extent = sizes.reduce((largest, each) => Math.max(largest, each), 0)
  const ages = Array.from({ length: Math.ceil(extent / blockBytes) }, pickAge)
  content.resize(extent)
  const bytes = content.own(extent)
  effects.forEach(({ data, offset }, index) => {
    const end = data === undefined ? extent : offset + data.byteLength
    for (let position = offset; position < end;) {
      const block = Math.floor(position / blockBytes)
      const next = Math.min(end, (block + 1) * blockBytes)
      if (index < (ages[block] ?? 0)) {
        if (data === undefined) bytes.fill(0, position, next)
        else bytes.set(data.subarray(position - offset, next - offset), position)
      }
      position = next
    }
  })
  content.resize(size)
  return content
}

function survivingNames(effects: NameEffect[], policy: CrashPolicy, random: () => number): NameEffect[] {
  if (policy === 'loseAll') return []
  if (policy === 'prefixPerFile') return effects.slice(0, pick(random, effects.length + 1))
  return effects.filter(() => random() < 0.5)
}

// ---- the file system --------------------------------------------------------------------------------------

export class FaultyFileSystem implements FileSystem {
  readonly location: string
  readonly bootId: Uint8Array
  /** May be set or replaced at any time. */
  onOperation: OperationHook | undefined
  /** Every operation so far; its index here is its operation index. */
  readonly log: OperationRecord[] = []
  /** What an asynchronous read waits for before it reads; may be set or replaced at any time. */
  beforeRead: ((name: string, offset: number) => Promise<void> | undefined) | undefined
  /** Directories of files that were kept aside; images have none of them. */
  readonly aside: Map<string, ReadonlyMap<string, Uint8Array>> = new Map()
  /** Whether an asynchronous sync takes a turn of the event loop, as on a real disk; else a microtask. */
  syncsTakeTurns: boolean
  /** For finding leaks. */
  openFileCount = 0
  readonly #bootNumber: number
  #live = new Map<string, Inode>()
  #durable = new Map<string, Inode>()
  #nameEffects: NameEffect[] = []
  #nextInode = 1
  #exists = false
  #crashed = false
  #owner: OwnerLock | undefined

  constructor(options: FaultyOptions = {}) {
    this.location = options.location ?? 'simulated'
    this.onOperation = options.onOperation
    this.#bootNumber = options.bootNumber ?? 1
    this.syncsTakeTurns = options.syncsTakeTurns ?? false
    this.bootId = new Uint8Array(16)
    const view = new DataView(this.bootId.buffer)
    view.setUint32(0, 0x73696d21)
    view.setUint32(12, this.#bootNumber)
  }

  /** A disk with these files, all durable. The bytes are not copied until one side changes them through us. */
  static fromFiles(files: ReadonlyMap<string, Uint8Array>, options: FaultyOptions = {}): FaultyFileSystem {
    const system = new FaultyFileSystem(options)
    system.#exists = true
    for (const [name, bytes] of files) system.putFile(name, bytes)
    return system
  }

  get crashed(): boolean {
    return this.#crashed
  }

  get locked(): boolean {
    return this.#owner !== undefined
  }

  // -- images and accidents: not operations --

  /** The same disk, with what is durable and what is not; nothing open, nothing locked, no hook, an empty log. */
  clone(): FaultyFileSystem {
    const copy = this.#sibling(this.#bootNumber)
    const copies = new Map<Inode, Inode>()
    const copyOf = (inode: Inode): Inode => {
      let twin = copies.get(inode)
      if (twin === undefined) copies.set(inode, (twin = inode.clone()))
      return twin
    }
    for (const [name, inode] of this.#live) copy.#live.set(name, copyOf(inode))
    for (const [name, inode] of this.#durable) copy.#durable.set(name, copyOf(inode))
    copy.#nameEffects = this.#nameEffects.map(({ name, inode }) => ({ name, inode: inode && copyOf(inode) }))
    return copy
  }

  /** What the next start finds after a crash now. May be taken at any time; changes nothing here. */
  crashImage(policy: CrashPolicy, random: () => number): FaultyFileSystem {
    if (policy === 'keepAll') return this.clone()
    const names = new Map(this.#durable)
    for (const effect of survivingNames(this.#nameEffects, policy, random)) applyName(names, effect)
    const image = this.#sibling(this.#bootNumber + 1)
    for (const [name, inode] of names) {
      const survivor = new Inode(inode.id, survivingContent(inode, policy, random))
      image.#live.set(name, survivor)
      image.#durable.set(name, survivor)
    }
    // A directory that was removed comes back with the names in it.
    if (names.size > 0) image.#exists = true
    return image
  }

  /** A copy of every file as programs see it. */
  snapshotFiles(): Map<string, Uint8Array> {
    return new Map(Array.from(this.#live, ([name, inode]) => [name, inode.live.toBytes()]))
  }

  /** Flips the bits of `mask` in one byte, on the disk too. */
  flipBits(name: string, offset: number, mask = 1): void {
    const inode = this.#inode(name)
    const content = inode.live.share()
    if (!(offset >= 0 && offset < content.sizeBytes)) throw new RangeError(`${name} has no byte ${offset}`)
    const bytes = content.own(content.sizeBytes)
    bytes[offset] = (bytes[offset] ?? 0) ^ mask
    inode.replace(content)
  }

  /** Cuts a file, or extends it with zeros, on the disk too. */
  resizeFile(name: string, sizeBytes: number): void {
    const inode = this.#inode(name)
    const content = inode.live.share()
    content.resize(sizeBytes)
    inode.replace(content)
  }

  /** Creates or replaces a file, on the disk too. */
  putFile(name: string, bytes: Uint8Array): void {
    checkFileName(name)
    const content = new Content(bytes).share()
    const inode = this.#live.get(name) ?? new Inode(this.#nextInode++)
    inode.replace(content)
    this.#settleName(name, inode)
  }

  /** Makes a file disappear, from the disk too. */
  dropFile(name: string): void {
    this.#inode(name)
    this.#settleName(name, undefined)
  }

  #settleName(name: string, inode: Inode | undefined): void {
    this.#nameEffects = this.#nameEffects.filter((effect) => effect.name !== name)
    applyName(this.#live, { name, inode })
    applyName(this.#durable, { name, inode })
  }

  #sibling(bootNumber: number): FaultyFileSystem {
    const sibling = new FaultyFileSystem({ location: this.location, bootNumber })
    sibling.#exists = this.#exists
    sibling.#nextInode = this.#nextInode
    return sibling
  }

  #inode(name: string): Inode {
    const inode = this.#live.get(name)
    if (inode === undefined) throw fileNotFound(name, this.location)
    return inode
  }

  // -- operations --

  /** Counts an operation and asks the hook; what it returns is for the operation itself to carry out. */
  begin(
    kind: OperationKind,
    name: string,
    inode = 0,
    offset = 0,
    length = 0,
  ): Exclude<Fault, 'crash'> | undefined {
    if (this.#crashed) throw new SimulatedCrash()
    const verdict = this.onOperation?.(this.log.length, kind, name) ?? 'continue'
    const fault = verdict === 'continue' ? undefined : verdict
    this.log.push({ kind, name, inode, offset, length, fault })
    if (fault === undefined) return undefined
    if (fault === 'crash') throw this.crash()
    if ('error' in fault) throw this.failure(fault.error, kind, name)
    const possible =
      'shortWrite' in fault
        ? kind === 'write'
        : 'shortRead' in fault
          ? kind === 'read'
          : kind === 'sync' || kind === 'syncDirectory'
    if (!possible) throw new Error(`the fault ${JSON.stringify(fault)} cannot hit the operation ${kind}`)
    return fault
  }

  /** The machine dies. @returns what to throw */
  crash(): SimulatedCrash {
    this.#crashed = true
    return new SimulatedCrash()
  }

  failure(code: 'EIO' | 'ENOSPC' | 'EMFILE', kind: OperationKind, name: string): VarveError {
    const cause = Object.assign(new Error(`${code}: injected`), { code })
    const message = `Cannot ${kind} ${name} in ${this.location}: an injected fault (${code}).`
    return new VarveError(code === 'ENOSPC' ? 'DISK_FULL' : 'IO', message, { file: name, cause })
  }

  async prepare(create: boolean): Promise<boolean> {
    this.begin('prepare', '')
    if (this.#exists) return false
    if (!create) throw new VarveError('NOT_FOUND', `There is no directory ${this.location}; create it first.`)
    this.#exists = true
    return true
  }

  async lock(): Promise<OwnerLock> {
    this.begin('lock', '')
    if (this.#owner !== undefined) {
      throw new VarveError('LOCKED', `The database at ${this.location} is already open; use that one.`)
    }
    const releaseSync = (): void => {
      if (this.#owner === owner) this.#owner = undefined
    }
    const release = async (): Promise<void> => releaseSync()
    const owner: OwnerLock = { releaseSync, release, destroy: release }
    this.#owner = owner
    return owner
  }

  async list(): Promise<string[]> {
    this.begin('list', '')
    return [...this.#live.keys()]
  }

  async create(name: string): Promise<File> {
    return this.createSync(name)
  }

  createSync(name: string): File {
    checkFileName(name)
    this.begin('create', name, this.#nextInode)
    if (this.#live.has(name)) throw fileExists(name, this.location)
    const inode = new Inode(this.#nextInode++)
    this.#changeName({ name, inode })
    return new FaultyFile(name, this, inode, true)
  }

  async open(name: string, writable: boolean): Promise<File> {
    checkFileName(name)
    this.begin('open', name, this.#live.get(name)?.id)
    return new FaultyFile(name, this, this.#inode(name), writable)
  }

  async remove(name: string): Promise<void> {
    this.removeSync(name)
  }

  removeSync(name: string): void {
    checkFileName(name)
    this.begin('remove', name, this.#live.get(name)?.id)
    this.#inode(name)
    this.#changeName({ name, inode: undefined })
  }

  async syncDirectory(): Promise<void> {
    this.syncDirectorySync()
  }

  syncDirectorySync(): void {
    const fault = this.begin('syncDirectory', '')
    const drops = fault !== undefined && 'syncFails' in fault && fault.syncFails === 'dropsPages'
    if (fault !== undefined && !drops) throw this.failure('EIO', 'syncDirectory', '')
    const effects = this.#nameEffects.splice(0)
    if (drops) throw this.failure('EIO', 'syncDirectory', '')
    for (const effect of effects) applyName(this.#durable, effect)
  }

  async keepAside(names: readonly string[]): Promise<string> {
    const directory = `before-salvage-${this.aside.size + 1}`
    this.begin('create', directory)
    this.aside.set(directory, new Map(names.map((name) => [name, this.#inode(name).live.toBytes()])))
    return directory
  }

  async removeDirectory(): Promise<boolean> {
    this.begin('removeDirectory', '')
    if (this.#live.size === 0) this.#exists = false
    return !this.#exists
  }

  #changeName(effect: NameEffect): void {
    applyName(this.#live, effect)
    this.#nameEffects.push(effect)
  }
}

/** NOTE: only journals ask. Whatever else is written in place is torn anywhere, which is harder. */
function isTornAtPages(name: string): boolean {
  return name.endsWith('.wal')
}

/** Bytes of a write of `length` that was cut off: in a journal, what is written over bytes of the file stops between blocks, what makes it longer anywhere. */
export function tornLength(name: string, fileBytes: number, position: number, length: number): number {
  const end = position + length
  return !isTornAtPages(name) || end >= fileBytes ? length : Math.max(0, end - (end % blockBytes) - position)
}

class FaultyFile implements File {
  readonly descriptor = -1
  readonly name: string
  readonly #system: FaultyFileSystem
  readonly #inode: Inode
  readonly #writable: boolean
  readonly tearsAtPages: boolean
  #closed = false
  #readsInFlight = 0

  constructor(name: string, system: FaultyFileSystem, inode: Inode, writable: boolean) {
    this.name = name
    this.#system = system
    this.#inode = inode
    this.#writable = writable
    this.tearsAtPages = isTornAtPages(name)
    system.openFileCount++
  }

  size(): number {
    this.#begin('size')
    return this.#inode.live.sizeBytes
  }

  read(target: Uint8Array, position: number): number {
    const { bytes, sizeBytes } = this.#inode.live
    const there = Math.max(0, Math.min(target.byteLength, sizeBytes - position))
    const fault = this.#begin('read', position, there)
    const length =
      fault !== undefined && 'shortRead' in fault ? Math.min(fault.shortRead, Math.max(0, there - 1)) : there
    target.set(bytes.subarray(position, position + length))
    return length
  }

  async readAsync(target: Uint8Array, position: number): Promise<number> {
    if (this.#closed) throw fileClosed(this.name, this.#system.location)
    this.#readsInFlight++
    try {
      await this.#system.beforeRead?.(this.name, position)
      return this.read(target, position)
    } finally {
      this.#readsInFlight--
    }
  }

  write(source: Uint8Array, start: number, length: number, position: number): void {
    this.#requireWritable()
    checkSourceRange(source, start, length)
    const fault = this.#begin('write', position, length)
    const short = fault !== undefined && 'shortWrite' in fault ? fault : undefined
    const landed =
      short === undefined ? length : this.#tear(position, Math.max(0, Math.min(short.shortWrite, length - 1)))
    if (landed > 0) {
      const data = new Uint8Array(landed)
      data.set(source.subarray(start, start + landed))
      this.#inode.change({ offset: position, data })
    }
    if (short === undefined) return
    throw short.thenCrash === true ? this.#system.crash() : this.#system.failure('ENOSPC', 'write', this.name)
  }

  /** Bytes of a write that land if it stops within `length`. */
  #tear(position: number, length: number): number {
    return tornLength(this.name, this.#inode.live.sizeBytes, position, length)
  }

  truncate(size: number): void {
    this.#requireWritable()
    this.#begin('truncate', size)
    this.#inode.change({ offset: size, data: undefined })
  }

  sync(): void {
    this.#finishSync(this.#begin('sync'), this.#inode.mark())
  }

  async syncAsync(): Promise<void> {
    this.#begin('syncStart')
    const mark = this.#inode.mark()
    // Others may write meanwhile, and even close the file; and whoever says before the end that it is durable is found out.
    if (this.#system.syncsTakeTurns) await new Promise((resolve) => setImmediate(resolve))
    else await undefined
    this.#finishSync(this.#system.begin('sync', this.name, this.#inode.id), mark)
  }

  close(): void {
    if (this.#closed) return
    // NOTE: a bug of the program: the host could give the descriptor to another file.
    if (this.#readsInFlight > 0) throw new Error(`${this.name} is closed under a read`)
    this.#closed = true
    this.#system.openFileCount--
  }

  #finishSync(fault: Exclude<Fault, 'crash'> | undefined, mark: number): void {
    const keeps = fault !== undefined && 'syncFails' in fault && fault.syncFails === 'keepsPages'
    if (!keeps) this.#inode.settle(mark, fault === undefined)
    if (fault !== undefined) throw this.#system.failure('EIO', 'sync', this.name)
  }

  #begin(kind: OperationKind, offset = 0, length = 0): Exclude<Fault, 'crash'> | undefined {
    if (this.#closed) throw fileClosed(this.name, this.#system.location)
    return this.#system.begin(kind, this.name, this.#inode.id, offset, length)
  }

  #requireWritable(): void {
    if (this.#closed) throw fileClosed(this.name, this.#system.location)
    if (!this.#writable) throw fileReadOnly(this.name, this.#system.location)
  }
}
