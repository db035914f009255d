/** Faults to inject into an operation of the file system, and what the contract says about each (DESIGN 7.5, RELIABILITY P5, P6). */
import type { Fault, OperationKind } from '../support/faulty.ts'

export interface Injection {
  /** The first operation that fails. */
  readonly index: number
  readonly kind: OperationKind
  readonly file: string
  readonly fault: Exclude<Fault, 'crash'>
  /** Later operations of the kind fail as well, until the disk is healed. */
  readonly sticky: boolean
  /** The disk is full, and what did land cannot be cut off again. */
  readonly cutFails: boolean
}

/** What can go wrong with an operation of a kind. */
export function faultsOf(kind: OperationKind, length: number): Exclude<Fault, 'crash'>[] {
  switch (kind) {
    case 'write':
      return [{ error: 'EIO' }, { error: 'ENOSPC' }, { shortWrite: length >>> 1 }]
    case 'read':
      return length === 0 ? [{ error: 'EIO' }] : [{ error: 'EIO' }, { shortRead: length >>> 1 }]
    case 'sync':
    case 'syncDirectory':
      return [{ syncFails: 'dropsPages' }, { syncFails: 'keepsPages' }]
    case 'create':
      return [{ error: 'EIO' }, { error: 'ENOSPC' }, { error: 'EMFILE' }]
    case 'open':
    case 'lock':
      return [{ error: 'EIO' }, { error: 'EMFILE' }]
    case 'prepare':
    case 'list':
    case 'size':
    case 'remove':
    case 'truncate':
    case 'syncStart':
      return [{ error: 'EIO' }]
    // Only destroy() removes the directory (test/integration/destroy-crash.test.ts).
    case 'removeDirectory':
      return []
  }
}

/** What became of an injection so far. */
export interface Hits {
  count: number
  healed: boolean
  /** A later operation was hit that poisons by itself. */
  poisoning: boolean
  /** The operation was another one than without faults. */
  strayed: boolean
}

/** The hook that injects; `hits` counts. */
export function injector(
  injection: Injection,
  hits: Hits,
): (index: number, kind: OperationKind, file: string) => 'continue' | Fault {
  return (index, kind, file) => {
    const later = index > injection.index && (injection.sticky || injection.cutFails)
    const again = later && failsToo(injection, kind)
    if (hits.healed || !(index === injection.index || again)) return 'continue'
    // NOTE: an error thrown here would be one of the host to the engine.
    if (index === injection.index && kind !== injection.kind) {
      hits.strayed = true
      return 'continue'
    }
    hits.count++
    // NOTE: what fails first may be work in the background, which nobody is told of; then the next one counts as well.
    if (again && injection.sticky && poisons({ ...injection, kind, file })) hits.poisoning = true
    return kind === 'truncate' ? { error: 'EIO' } : injection.fault
  }
}

function failsToo({ fault, kind: first, cutFails }: Injection, kind: OperationKind): boolean {
  if (cutFails) return kind === 'truncate'
  const full = 'error' in fault && fault.error === 'ENOSPC'
  return kind === first || (full && (kind === 'write' || kind === 'create'))
}

export function isOutOfSpace(fault: Fault): boolean {
  return fault !== 'crash' && ('shortWrite' in fault || ('error' in fault && fault.error === 'ENOSPC'))
}

/** Whether an open database must be poisoned by this: by every failed sync, by every failed write but a full disk's. */
export function poisons({ kind, file, fault, cutFails }: Injection): boolean {
  if (kind === 'sync' || kind === 'syncStart' || kind === 'syncDirectory') return true
  // Asked for while it is written: as good as the write.
  if (kind === 'size') return file.startsWith('superblock')
  if (kind !== 'write') return false
  if (file.endsWith('.sst')) return false
  // A journal or a manifest that could be cut back lives on; a superblock half written does not.
  return cutFails || !(isOutOfSpace(fault) && (file.endsWith('.wal') || file.endsWith('.man')))
}

/** A fault by its name, whatever the number in it. */
export function nameOf(fault: Injection['fault']): string {
  if ('error' in fault) return fault.error
  if ('syncFails' in fault) return `sync ${fault.syncFails}`
  return 'shortRead' in fault ? 'shortRead' : 'shortWrite'
}

/** Who is told of a fault, and how the checker knows. */
export type Witness =
  /** A call failed. */
  | 'caller'
  /** Work in the background failed, and the event says so. */
  | 'event'
  /** The same was done another time, and worked. */
  | 'retry'
  /** A file that nothing names stays until the next open deletes it: no news (Files.removeOrphan). */
  | 'orphan'
  /** An asynchronous read of a table that was replaced before the bytes came. */
  | 'unused'

export function describeInjection({ index, kind, file, fault, sticky, cutFails }: Injection): string {
  const what = `${JSON.stringify(fault)}${cutFails ? ' that cannot be cut back' : ''}`
  return `${what} ${sticky ? 'from' : 'at'} operation ${index} (${kind} ${file})`
}
