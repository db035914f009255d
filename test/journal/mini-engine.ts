/**
 * Just enough of an engine to crash: opens a log the way DESIGN 12 orders it, writes, rotates, deletes. Its manifest is a value
 * that is durable the moment it is set, so that only the journals are under test.
 */
import { VarveError } from '../../src/errors.ts'
import { journalFileName } from '../../src/fs/file-names.ts'
import type { File } from '../../src/fs/filesystem.ts'
import { KIND_BATCH, KIND_GAP, type JournalLink } from '../../src/journal/format.ts'
import { JournalWriter } from '../../src/journal/writer.ts'
import type { Kernel } from '../../src/kernel/kernel.ts'
import type { FaultyFileSystem } from '../support/faulty.ts'
import { digest, headerOf, put, recover, testKernel, MIB } from './support.ts'

export interface Manifest {
  epoch: number
  nextId: number
  nextSeqno: number
  live: { id: number; seal: JournalLink | undefined }[]
}

export const emptyManifest: Manifest = { epoch: 0, nextId: 1, nextSeqno: 1, live: [] }

/** What happened to the batches, in order of their seqnos. */
export interface Batch {
  digest: string
  /** `pending`: the write has not returned; `failed`: it threw DISK_FULL; `unknown`: POISONED. */
  state: 'pending' | 'held' | 'os' | 'sync' | 'failed' | 'unknown'
}

export class MiniEngine {
  readonly kernel: Kernel = testKernel(4 * MIB)
  readonly fs: FaultyFileSystem
  manifest: Manifest
  /** Batches recovered, then those written. */
  batches: Batch[] = []
  /** What recovery reported. */
  wasCut = false
  writer: JournalWriter | undefined
  #old: JournalWriter[] = []
  readonly #durable: number

  /** @param durable so many of the batches that recovery finds are known to be durable */
  constructor(fs: FaultyFileSystem, manifest: Manifest, durable = 0) {
    this.fs = fs
    this.manifest = manifest
    this.#durable = durable
  }

  /** @throws what recovery refuses with */
  async open(headerFirst: boolean): Promise<void> {
    const { fs, kernel } = this
    const live = this.manifest.live
    const files: File[] = []
    for (const { id } of live) files.push(await fs.open(journalFileName(id), true))
    const sources = live.map(({ id, seal }, index) => ({
      id,
      name: journalFileName(id),
      file: files[index],
      seal,
    }))
    const reading = recover(kernel, sources, fs.bootId, 'tolerate-tail', this.manifest.epoch)
    if (reading instanceof VarveError) throw reading
    const { end, frames } = reading
    this.wasCut = end.cut !== undefined
    for (const { kind, payload } of frames) {
      if (kind === KIND_BATCH) {
        const state = this.batches.length < this.#durable ? 'sync' : 'os'
        this.batches.push({ digest: digest(payload), state })
      } else if (kind !== KIND_GAP) throw new Error(`kind ${kind}`)
    }
    const nextSeqno = end.nextSeqno ?? this.manifest.nextSeqno
    kernel.exports.raiseNextSeqno(nextSeqno)
    const id = await this.#freeId()
    const epoch = this.manifest.epoch + 1
    const file = fs.createSync(journalFileName(id))
    fs.syncDirectorySync()
    this.#edit({ epoch, nextId: id + 1, live: [...live, { id, seal: undefined }] })
    const { bootId } = fs
    this.writer = JournalWriter.begin(kernel, file, headerOf(id, end.tail, { epoch, bootId }), nextSeqno)
    // Allowed before the sealing edit: a header. Not allowed: a frame.
    if (headerFirst) this.#writeHeader()
    for (const [index, { seal }] of live.entries()) if (seal === undefined) files[index]?.sync()
    this.#edit({
      nextSeqno,
      live: [
        ...live.map((journal, index) => ({ id: journal.id, seal: journal.seal ?? end.journals[index] })),
        { id, seal: undefined },
      ],
    })
    for (const open of files) open.close()
    for (const batch of this.batches) batch.state = 'sync'
  }

  put(payload: Uint8Array, hold: boolean, way: 'append' | 'record', count: number): void {
    const batch: Batch = { digest: digest(payload), state: 'pending' }
    this.batches.push(batch)
    const { length } = this.current
    try {
      put(this.kernel, this.current, payload, count, hold, way)
      batch.state = 'held'
      if (this.current.length > length && this.current.bufferedBytes === 0) this.#raise('os')
    } catch (error) {
      if (!(error instanceof VarveError)) throw error
      batch.state = error.code === 'DISK_FULL' ? 'failed' : 'unknown'
      throw error
    }
  }

  writeOut(): void {
    this.current.writeOut()
    this.#raise('os')
  }

  sync(): void {
    this.current.sync()
    this.#raise('sync')
  }

  async syncAsync(meanwhile: () => void): Promise<void> {
    const covered = this.batches.filter(({ state }) => state !== 'failed')
    const promise = this.current.syncAsync()
    try {
      meanwhile()
    } finally {
      await promise
    }
    for (const batch of covered) batch.state = 'sync'
  }

  async rotate(): Promise<void> {
    const { fs, kernel, manifest } = this
    const id = await this.#freeId()
    const file = fs.createSync(journalFileName(id))
    fs.syncDirectorySync()
    this.#edit({ nextId: id + 1, live: [...manifest.live, { id, seal: undefined }] })
    const old = this.current
    const link = old.seal()
    this.#old.push(old)
    const header = headerOf(id, link, { epoch: manifest.epoch, bootId: fs.bootId })
    this.writer = JournalWriter.begin(kernel, file, header, kernel.exports.nextSeqno(), old)
  }

  /** Seals, after syncing it, the oldest journal that was left and is not sealed. */
  sealOldest(): void {
    const old = this.#old[0]
    if (old === undefined) return
    old.sync()
    const seal = old.seal()
    this.#edit({
      live: this.manifest.live.map((journal) => (journal.id === old.id ? { id: old.id, seal } : journal)),
    })
    this.#old.shift()
    old.close()
  }

  release(): void {
    this.kernel.release()
  }

  get current(): JournalWriter {
    if (this.writer === undefined) throw new Error('not open')
    return this.writer
  }

  /** NOTE: a crash between create and edit leaves a file whose id the manifest never heard of. */
  async #freeId(): Promise<number> {
    const taken = new Set(await this.fs.list())
    let id = this.manifest.nextId
    while (taken.has(journalFileName(id))) id++
    return id
  }

  #writeHeader(): void {
    try {
      this.current.writeOut()
    } catch (error) {
      // It goes on waiting in the buffer.
      if (!(error instanceof VarveError && error.code === 'DISK_FULL')) throw error
    }
  }

  #edit(change: Partial<Manifest>): void {
    this.manifest = { ...this.manifest, ...change }
  }

  #raise(state: 'os' | 'sync'): void {
    for (const batch of this.batches) {
      if (batch.state === 'held' || (state === 'sync' && batch.state === 'os')) batch.state = state
    }
  }
}
