import { PAGE_BYTES } from '../../assembly/memory/layout.ts'
import { TableOutput, type OutputHost } from '../engine/table-output.ts'
import { tableFileName } from '../fs/file-names.ts'
import type { File } from '../fs/filesystem.ts'
import { Kernel } from '../kernel/kernel.ts'
import { useKernelModule } from '../kernel/load.ts'
import { BlockLoader } from '../table/block-loader.ts'
import { EntryStream } from '../table/entry-stream.ts'
import type { TableFile } from '../table/table-file.ts'
import { freeTableRecord } from '../table/table-record.ts'
import {
  FILE_CREATE,
  FILE_READ,
  FILE_REMOVE,
  FILE_WRITE,
  FileMailbox,
  RequestFailed,
} from './file-mailbox.ts'
import type { FromHelper, HelperAttach, HelperBuild, ToHelper, ToldTable } from './helper-messages.ts'
import { sentError } from './messages.ts'

/** Between two looks whether the job is still wanted. */
const STEP_MS = 2

/** The part of a message port that is needed. */
export interface HelperPort {
  postMessage(message: FromHelper): void
  onmessage: ((event: MessageEvent<ToHelper>) => void) | null
}

/**
 * Writes tables for the keeper of a database on another thread, in the memory of that database and through files of that thread. One job at a time. `end`: it is not needed any
 * more.
 */
export function helpOver(port: HelperPort, end: () => void): void {
  let helper: Helper | undefined
  port.onmessage = ({ data }) => {
    if (data.kind === 'build') return helper?.build(data)
    if (data.kind === 'detach') return end()
    try {
      helper = new Helper(port, data)
      port.postMessage({ kind: 'attached' })
    } catch (error) {
      port.postMessage({ kind: 'failed', job: 0, error: sentError(error) })
    }
  }
}

class Helper implements OutputHost {
  readonly kernel: Kernel
  readonly #port: HelperPort
  readonly #mailbox: FileMailbox
  readonly #blocks: BlockLoader
  /** Through it passes what does not lie in the memory of the database. */
  readonly #page: number
  /** Made by the job. */
  #created = new Map<string, number>()

  /** @throws NO_MEMORY */
  constructor(port: HelperPort, { memory, module, slot, mailbox }: HelperAttach) {
    useKernelModule(module)
    this.#port = port
    this.kernel = Kernel.attach(memory, slot)
    this.#mailbox = new FileMailbox(mailbox)
    this.#blocks = new BlockLoader(this.kernel, 0, 0, () => this.#adopted(), false)
    this.#page = this.kernel.page()
  }

  build(request: HelperBuild): void {
    const { job } = request
    let message: FromHelper
    try {
      message = { kind: 'built', job, tables: this.#tables(request) }
    } catch (error) {
      message = { kind: 'failed', job, error: error instanceof RequestFailed ? undefined : sentError(error) }
    }
    this.#blocks.clear()
    try {
      this.#port.postMessage(message)
    } catch {
      // NOTE: what cannot be told (a cause that cannot be cloned) is tried again over there, and said there.
      this.#port.postMessage({ kind: 'failed', job, error: undefined })
    } finally {
      // ORDER: the last that is done of it.
      this.#mailbox.end(job)
    }
  }

  #tables({ job, keyspaceId, level, policy, runs, rules }: HelperBuild): ToldTable[] {
    this.#created = new Map()
    this.#mailbox.assertWanted(job)
    const tables = runs.map((run) => run.map((table) => this.#source(table)))
    for (const table of tables.flat()) this.#blocks.add(table)
    const stream = new EntryStream(this.kernel, [], tables, this.#blocks)
    stream.setRules(rules)
    const output = new TableOutput(this, keyspaceId, stream, level, policy)
    try {
      while (!output.built) {
        output.step(performance.now() + STEP_MS)
        this.#mailbox.assertWanted(job)
      }
    } catch (error) {
      output.abandon()
      throw error
    }
    output.release()
    return output.tables.map(({ info, record, filter, compression }) => ({
      info,
      record,
      filter,
      compression,
    }))
  }

  // ── files ───────────────────────────────────────────────────────────────────────────────────────────────

  newFileId(): number {
    const id = this.#ask(FILE_CREATE)
    this.#created.set(tableFileName(id), id)
    return id
  }

  /** NOTE: it was made with its id. */
  createFile(name: string): File {
    return this.#file(this.#created.get(name) as number)
  }

  removeFile(name: string): void {
    try {
      this.#ask(FILE_REMOVE, this.#created.get(name))
    } catch {
      // NOTE: the other removes what the job leaves.
    }
  }

  discardTables(tables: readonly TableFile[]): void {
    for (const { record } of tables) freeTableRecord(this.kernel, record)
  }

  #source({ info, record }: HelperBuild['runs'][number][number]): TableFile {
    return { info, record, file: this.#file(info.id), filter: undefined, compression: undefined }
  }

  /** INVARIANT: the tables of a job are known before it begins. */
  #adopted(): never {
    throw new Error('a table is read that is none of the job')
  }

  #ask(operation: number, file = 0, position = 0, address = 0, length = 0): number {
    return this.#mailbox.ask({ operation, file, position, address, length }, () =>
      this.#port.postMessage({ kind: 'request' }),
    )
  }

  #file(id: number): File {
    const { kernel } = this
    const page = this.#page
    const isInMemory = (bytes: Uint8Array): boolean => bytes.buffer === kernel.u8.buffer
    const never = (): never => {
      throw new Error('not for another thread')
    }
    return {
      name: tableFileName(id),
      descriptor: -1,
      read: (target, position) => {
        if (isInMemory(target))
          return this.#ask(FILE_READ, id, position, target.byteOffset, target.byteLength)
        let filled = 0
        while (filled < target.byteLength) {
          const wanted = Math.min(PAGE_BYTES, target.byteLength - filled)
          const got = this.#ask(FILE_READ, id, position + filled, page, wanted)
          target.set(kernel.u8.subarray(page, page + got), filled)
          filled += got
          if (got < wanted) break
        }
        return filled
      },
      write: (source, start, length, position) => {
        if (isInMemory(source)) return void this.#ask(FILE_WRITE, id, position, start, length)
        for (let done = 0; done < length; done += PAGE_BYTES) {
          const part = Math.min(PAGE_BYTES, length - done)
          kernel.u8.set(source.subarray(start + done, start + done + part), page)
          this.#ask(FILE_WRITE, id, position + done, page, part)
        }
      },
      close: () => {},
      size: never,
      truncate: never,
      sync: never,
      syncAsync: never,
    }
  }
}
