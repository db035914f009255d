import type { BuildRequest } from '../engine/table-helper.ts'
import type { TableFile } from '../table/table-file.ts'
import type { SentError } from './messages.ts'

/** What a helper needs of a database. */
export interface HelperAttach {
  readonly kind: 'attach'
  readonly memory: WebAssembly.Memory
  readonly module: WebAssembly.Module
  /** Index of the slot that is kept for it. */
  readonly slot: number
  readonly mailbox: SharedArrayBuffer
}

/** A table as far as it can be told: its file stays where it is. */
export type ToldTable = Omit<TableFile, 'file'>

/** Tables are to be written. `job`: its number, ascending from 1. */
export interface HelperBuild extends Omit<BuildRequest, 'runs'> {
  readonly kind: 'build'
  readonly job: number
  readonly runs: readonly (readonly Pick<TableFile, 'info' | 'record'>[])[]
}

export type ToHelper = HelperAttach | HelperBuild | { readonly kind: 'detach' }

/** What a helper says. `failed` without an error: a file request failed, or the job was called off. */
export type FromHelper =
  | { readonly kind: 'attached' }
  /** There is something in the mailbox. */
  | { readonly kind: 'request' }
  | { readonly kind: 'built'; readonly job: number; readonly tables: readonly ToldTable[] }
  | { readonly kind: 'failed'; readonly job: number; readonly error: SentError | undefined }
