import { SLOT_COUNT } from '../../assembly/memory/layout.ts'
import type { Keeper } from '../engine/keeper.ts'
import type { BuildRequest, TableHelper } from '../engine/table-helper.ts'
import type { Output } from '../engine/table-output.ts'
import { tableFileName } from '../fs/file-names.ts'
import type { File } from '../fs/filesystem.ts'
import { kernelModule } from '../kernel/load.ts'
import type { TableFile } from '../table/table-file.ts'
import { freeTableRecord } from '../table/table-record.ts'
import {
  FILE_CREATE,
  FILE_READ,
  FILE_REMOVE,
  FILE_WRITE,
  FileMailbox,
  type FileRequest,
} from './file-mailbox.ts'
import type { FromHelper, ToHelper, ToldTable } from './helper-messages.ts'
import { receivedError } from './messages.ts'

/** A job that is called off ends within a step; who does not is gone. */
const CALL_OFF_SLEEPS = 2000

/** The part of a message port that is needed. */
export interface HelperEnd {
  postMessage(message: ToHelper): void
  onmessage: ((event: MessageEvent<FromHelper>) => void) | null
  close(): void
}

/**
 * The keeper's side of a thread that writes tables for it (helper-thread.ts): hands it jobs, and does with files what it asks for.
 */
export class HelperThread implements TableHelper {
  readonly #keeper: Keeper
  readonly #port: HelperEnd
  readonly #mailbox = new FileMailbox()
  readonly #slot: number
  readonly #onAttached: () => void
  #isAttached = false
  #jobs = 0
  #job: BuildElsewhere | undefined

  /** Gives it a slot. It is free as soon as it has answered (`onAttached`). */
  constructor(keeper: Keeper, port: HelperEnd, onAttached: () => void) {
    this.#keeper = keeper
    this.#port = port
    this.#onAttached = onAttached
    port.onmessage = ({ data }) => this.#hear(data)
    const { kernel } = keeper
    const slot = kernel.exports.takeSlot()
    this.#slot = slot
    if (slot === SLOT_COUNT) return
    const { buffer: mailbox } = this.#mailbox
    port.postMessage({ kind: 'attach', memory: kernel.memory, module: kernelModule(), slot, mailbox })
  }

  get isFree(): boolean {
    return this.#isAttached && this.#job === undefined
  }

  build(keeper: Keeper, { runs, ...rest }: BuildRequest): Output {
    const id = ++this.#jobs
    const job = new BuildElsewhere(keeper, runs.flat(), () => this.#callOff(id))
    this.#job = job
    const told = runs.map((run) => run.map(({ info, record }) => ({ info, record })))
    this.#port.postMessage({ kind: 'build', job: id, runs: told, ...rest })
    return job
  }

  /** Its thread has ended: what it is at is done here. NOTE: pages of a table that it was at stay taken; nobody knows which. */
  lose(): void {
    if (!this.#isAttached) return
    this.#giveUp()
    this.#keeper.kernel.exports.giveSlot(this.#slot)
  }

  /** It is not waited for any more. */
  #giveUp(): void {
    this.#isAttached = false
    this.#port.close()
    this.#job?.lose()
    this.#job = undefined
  }

  /** The database is closed. */
  release(): void {
    if (!this.#isAttached) return
    // NOTE: whatever the end of the database was: it is not left asleep in a request.
    if (this.#job !== undefined) this.#mailbox.callOff(this.#jobs, CALL_OFF_SLEEPS)
    this.#isAttached = false
    this.#port.postMessage({ kind: 'detach' })
    this.#port.close()
  }

  #callOff(id: number): void {
    if (this.#job === undefined || id !== this.#jobs) return
    if (this.#isAttached && !this.#mailbox.callOff(id, CALL_OFF_SLEEPS)) this.#giveUp()
    this.#job = undefined
  }

  #hear(message: FromHelper): void {
    // NOTE: the memory is somebody else's then.
    if (this.#keeper.thread.closed) return
    if (message.kind === 'attached') {
      this.#isAttached = true
      return this.#onAttached()
    }
    const job = this.#job
    if (message.kind === 'request') {
      const failure = this.#mailbox.answer((request) => this.#serve(request))
      if (failure !== undefined) job?.fail(failure)
      job?.noteProgress()
      return
    }
    const isCurrent = message.job === this.#jobs && job !== undefined
    if (isCurrent) this.#job = undefined
    if (message.kind === 'built') {
      if (isCurrent) job.end(message.tables)
      // NOTE: it was called off when it had ended already.
      else for (const { record } of message.tables) freeTableRecord(this.#keeper.kernel, record)
    } else if (isCurrent) {
      job.fail(message.error === undefined ? undefined : receivedError(message.error))
    }
  }

  #serve({ operation, file, position, address, length }: FileRequest): number {
    const job = this.#job
    if (job === undefined) throw new Error('a file is wanted, but there is no job')
    if (operation === FILE_CREATE) return job.createFile()
    if (operation === FILE_REMOVE) {
      job.removeFile(file)
      return 0
    }
    const { u8 } = this.#keeper.kernel
    if (length > u8.byteLength - address) throw new Error('a file request goes beyond the memory')
    if (operation === FILE_READ)
      return job.fileOf(file).read(u8.subarray(address, address + length), position)
    if (operation !== FILE_WRITE) throw new Error(`file request ${operation} is unknown`)
    job.outputFile(file).write(u8, address, length, position)
    return 0
  }
}

/** Tables that another thread writes. */
class BuildElsewhere implements Output {
  tables: readonly TableFile[] = []
  built = false
  readonly #keeper: Keeper
  readonly #callOff: () => void
  readonly #sources = new Map<number, File>()
  /** Files that were made for it, by their ids. */
  readonly #outputs = new Map<number, File>()
  #failure: unknown
  #hasFailed = false
  isLost = false
  #isOver = false
  #progress: Promise<void>
  #wake: () => void = () => {}

  constructor(keeper: Keeper, sources: readonly TableFile[], callOff: () => void) {
    this.#keeper = keeper
    this.#callOff = callOff
    for (const { info, file } of sources) this.#sources.set(info.id, file)
    this.#progress = this.#next()
  }

  get elsewhere(): Promise<void> {
    return this.#progress
  }

  step(): void {
    if (this.#hasFailed && !this.isLost) throw this.#failure
  }

  release(): void {}

  abandon(): void {
    if (this.#isOver) return
    this.#isOver = true
    if (this.built) {
      this.#keeper.disposal.discardTables(this.tables)
      return
    }
    // ORDER: it has ended before its files go, and before the caller frees what it reads.
    if (!this.#hasFailed) this.#callOff()
    for (const id of [...this.#outputs.keys()]) this.removeFile(id)
    this.noteProgress()
  }

  // ── what its thread does ────────────────────────────────────────────────────────────────────────────────

  noteProgress(): void {
    const wake = this.#wake
    this.#progress = this.#next()
    wake()
  }

  end(tables: readonly ToldTable[]): void {
    this.tables = tables.map((table) => ({ ...table, file: this.outputFile(table.info.id) }))
    this.built = true
    this.noteProgress()
  }

  /** Undefined: what failed is known already, or nobody knows it. */
  fail(error: unknown): void {
    this.#failure ??= error
    this.#hasFailed = true
    if (this.#failure === undefined) this.isLost = true
    this.noteProgress()
  }

  lose(): void {
    this.#hasFailed = true
    this.isLost = true
    this.noteProgress()
  }

  createFile(): number {
    const { catalog, files } = this.#keeper
    const id = catalog.newFileId()
    this.#outputs.set(id, files.create(tableFileName(id)))
    return id
  }

  removeFile(id: number): void {
    this.#outputs.get(id)?.close()
    this.#outputs.delete(id)
    this.#keeper.files.removeOrphan(tableFileName(id))
  }

  fileOf(id: number): File {
    return this.#sources.get(id) ?? this.outputFile(id)
  }

  outputFile(id: number): File {
    const file = this.#outputs.get(id)
    if (file === undefined) throw new Error(`file ${id} is none of the job`)
    return file
  }

  #next(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve
    })
  }
}
