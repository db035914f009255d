import { corrupt, VarveError } from '../errors.ts'
import { equalBytes, isZero } from '../bytes.ts'
import {
  HEADER_DATABASE_ID,
  HEADER_EPOCH,
  HEADER_JOURNAL_ID,
  HEADER_PREDECESSOR,
  JOURNAL_HEADER_BYTES,
  type JournalHeader,
  type JournalLink,
} from './format.ts'
import type { DamageKind, JournalEvidence, JournalScan } from './scan.ts'

/** What a torn end means: cut it and report it, or refuse it. */
export type RecoveryPolicy = 'tolerate-tail' | 'strict'

export interface LogEndInput {
  readonly databaseId: Uint8Array
  /** The manifest's epoch: no journal is younger. */
  readonly epoch: number
  /** The boot of this machine; all zero: unknown. */
  readonly bootId: Uint8Array
  readonly policy: RecoveryPolicy
  /** All journals the manifest names, in the order of their ids. */
  readonly journals: readonly JournalEvidence[]
}

/** Where a journal is to be replayed to and sealed. Length 0: it is no part of the log. */
export type JournalEnd = JournalLink

/** What was not applied. */
export interface JournalCut {
  readonly droppedBytes: number
  readonly droppedFrom: { readonly file: string; readonly offset: number }
  readonly reason: DamageKind
}

export interface LogEnd {
  /** In the order of the input. */
  readonly journals: readonly JournalEnd[]
  /** The last journal of the log: the predecessor of the next one. */
  readonly tail: JournalLink | undefined
  /** What follows the last frame of the log; undefined if it has none. */
  readonly nextSeqno: number | undefined
  readonly cut: JournalCut | undefined
}

interface Present {
  readonly id: number
  readonly name: string
  readonly seal: JournalLink | undefined
  readonly scan: JournalScan
}

/**
 * Where does the log end? Decides from values alone which journals are replayed how far, or why the database must not be opened
 * (docs/journal-format.md, "Reading").
 */
export function decideLogEnd(input: LogEndInput): LogEnd | VarveError {
  const journals: Present[] = []
  for (const { id, name, seal, scan } of input.journals) {
    if (scan === undefined) return missing(name)
    journals.push({ id, name, seal, scan })
  }
  return findForeign(journals) ?? findMisplaced(input, journals) ?? new Walk(input, journals).run()
}

// ── what is wrong wherever it stands ─────────────────────────────────────────────────────────────────────

/** No part of the log: sealed so, or shorter than a header. */
function isVoid({ seal, scan }: Present): boolean {
  return seal?.length === 0 || scan.damage.kind === 'incomplete-header'
}

function findForeign(journals: readonly Present[]): VarveError | undefined {
  for (const { name, scan } of journals) {
    const { kind, offset } = scan.damage
    if (kind === 'unknown-header' || kind === 'unknown-kind') {
      return new VarveError(
        'FORMAT_VERSION',
        `${name} holds, at offset ${offset}, what a newer version wrote; open the database with that version.`,
        { file: name, offset },
      )
    }
  }
  return undefined
}

/** Files in each other's places, and from other databases. */
function findMisplaced(input: LogEndInput, journals: readonly Present[]): VarveError | undefined {
  let epoch = 0
  for (const { id, name, scan } of journals) {
    const { header, damage } = scan
    if (damage.kind === 'malformed-header') return corrupt(name, damage.offset, 'the header makes no sense')
    if (header === undefined) continue
    if (!equalBytes(header.databaseId, input.databaseId)) {
      return corrupt(name, HEADER_DATABASE_ID, 'it belongs to another database')
    }
    if (header.journalId !== id) {
      return corrupt(name, HEADER_JOURNAL_ID, `it is journal ${header.journalId} under a wrong name`)
    }
    if (header.epoch > input.epoch || header.epoch < epoch) {
      return corrupt(name, HEADER_EPOCH, `its epoch ${header.epoch} does not fit the journals around it`)
    }
    epoch = header.epoch
  }
  return undefined
}

function missing(name: string): VarveError {
  return new VarveError(
    'MISSING_FILE',
    `${name} is missing. Nothing was changed; restore it from a backup.`,
    {
      file: name,
    },
  )
}

// ── the walk along the log ───────────────────────────────────────────────────────────────────────────────

class Walk {
  readonly #input: LogEndInput
  readonly #journals: readonly Present[]
  /** By index: up to where each journal is proven to have been durable. */
  readonly #proven: readonly number[]
  readonly #ends: JournalEnd[] = []
  #tail: JournalLink | undefined
  #nextSeqno: number | undefined
  /** Set where the log ended before its last journal's end. */
  #cut: JournalCut | undefined

  constructor(input: LogEndInput, journals: readonly Present[]) {
    this.#input = input
    this.#journals = journals
    this.#proven = provenLengths(input.bootId, journals)
  }

  run(): LogEnd | VarveError {
    for (const [index, journal] of this.#journals.entries()) {
      const error = this.#step(journal, this.#proven[index] ?? 0, index)
      if (error !== undefined) return error
    }
    if (this.#cut !== undefined && this.#input.policy === 'strict') {
      const { file, offset } = this.#cut.droppedFrom
      return corrupt(file, offset, `the log ends there (${this.#cut.reason}), and recovery is 'strict'`)
    }
    return { journals: this.#ends, tail: this.#tail, nextSeqno: this.#nextSeqno, cut: this.#cut }
  }

  #step(journal: Present, proven: number, index: number): VarveError | undefined {
    const { scan, seal } = journal
    if (seal?.length === 0) return this.#skip(journal, 0)
    if (scan.damage.kind === 'incomplete-header') {
      if (proven > 0) return endsBelow(journal, scan.fileLength, proven)
      // NOTE: one that was named and never written to is empty; what has begun and stops within its header is the end of the log, and said.
      const endsLog = scan.fileLength > 0 && this.#isLast(index) && this.#cut === undefined
      return endsLog ? this.#end(journal, scan.fileLength) : this.#skip(journal, 0)
    }
    if (this.#cut !== undefined) return this.#drop(journal, proven, this.#cut)
    const { header } = scan
    if (header === undefined) {
      return proven > 0 || isSameBoot(this.#input.bootId, scan)
        ? corrupt(journal.name, 0, 'the header is not as it was written')
        : this.#end(journal, scan.fileLength)
    }
    const error = this.#follow(journal, header)
    if (error !== undefined) return error
    if (this.#cut !== undefined) return this.#drop(journal, proven, this.#cut)
    return this.#append(journal, proven, index)
  }

  /** Does this journal start where the log has come to? */
  #follow(journal: Present, header: JournalHeader): VarveError | undefined {
    const { name, scan } = journal
    const { predecessor } = header
    const absent = this.#journals.find((other) => other.id === predecessor?.id && isVoid(other))
    if (absent !== undefined && absent.seal === undefined) {
      // CRASH: power loss before the journal in front of this one was durable, its header included. It has its end already.
      this.#cut = {
        droppedBytes: 0,
        droppedFrom: { file: absent.name, offset: 0 },
        reason: absent.scan.damage.kind,
      }
      return undefined
    }
    const tail = this.#tail
    const follows =
      tail === undefined
        ? absent === undefined
        : predecessor !== undefined &&
          predecessor.id === tail.id &&
          predecessor.length === tail.length &&
          equalBytes(predecessor.chain, tail.chain)
    if (!follows) return corrupt(name, HEADER_PREDECESSOR, 'it does not follow the journal before it')
    const { firstBaseSeqno } = scan
    if (firstBaseSeqno !== undefined && this.#nextSeqno !== undefined && firstBaseSeqno !== this.#nextSeqno) {
      return corrupt(name, JOURNAL_HEADER_BYTES, 'its first seqno does not follow the journal before it')
    }
    return undefined
  }

  /** Takes a journal into the log, as far as it is valid. */
  #append(journal: Present, proven: number, index: number): VarveError | undefined {
    const { id, name, seal, scan } = journal
    const { kind, offset } = scan.damage
    const length = scan.validLength
    if (length < proven) return endsBelow(journal, length, proven)
    if (kind === 'bad-seqno' || kind === 'malformed-frame' || kind === 'crosses-end') {
      return corrupt(name, offset, `a frame there makes no sense (${kind})`)
    }
    if (seal !== undefined && !(length === seal.length && equalBytes(scan.chainAtValid, seal.chain))) {
      return corrupt(name, length, 'it does not end as the manifest says')
    }
    this.#tail = { id, length, chain: scan.chainAtValid }
    this.#nextSeqno = scan.nextSeqno ?? this.#nextSeqno
    if (kind === 'none') {
      this.#ends.push(this.#tail)
      return undefined
    }
    if (isSameBoot(this.#input.bootId, scan)) {
      const isTorn = kind === 'incomplete-frame' && this.#isLast(index)
      if (!isTorn) return corrupt(name, offset, `no valid frame there (${kind})`)
    }
    return this.#end(journal, scan.fileLength - length)
  }

  #isLast(index: number): boolean {
    return this.#journals.slice(index + 1).every(isVoid)
  }

  /** The log ends in this journal, at its valid length. */
  #end(journal: Present, droppedBytes: number): undefined {
    const { id, name, scan } = journal
    const { validLength, chainAtValid, damage } = scan
    this.#cut = { droppedBytes, droppedFrom: { file: name, offset: validLength }, reason: damage.kind }
    this.#ends.push({ id, length: validLength, chain: chainAtValid })
  }

  /** A journal behind the end of the log. */
  #drop(journal: Present, proven: number, cut: JournalCut): VarveError | undefined {
    const { scan } = journal
    if (proven > 0 || (scan.frames > 0 && isSameBoot(this.#input.bootId, scan))) {
      const { file, offset } = cut.droppedFrom
      return corrupt(file, offset, `no valid frame there (${cut.reason}), but ${journal.name} follows it`)
    }
    const held = scan.header === undefined ? scan.fileLength : scan.fileLength - JOURNAL_HEADER_BYTES
    return this.#skip(journal, held)
  }

  #skip(journal: Present, droppedBytes: number): undefined {
    this.#ends.push({ id: journal.id, length: 0, chain: new Uint8Array(8) })
    if (this.#cut !== undefined) {
      this.#cut = { ...this.#cut, droppedBytes: this.#cut.droppedBytes + droppedBytes }
    }
  }
}

/**
 * Up to where each journal was durable at some time, from the last to the first.
 * INVARIANT: a journal is synced before the first sync of its successor and before it is sealed, so whatever proves anything of
 * the successor proves all of the predecessor; without a power loss the successor's header is enough.
 */
function provenLengths(bootId: Uint8Array, journals: readonly Present[]): number[] {
  const proven = journals.map(({ seal, scan }) =>
    seal?.length === 0 ? 0 : Math.max(scan.highestSyncedOffset, seal?.length ?? 0),
  )
  for (let index = journals.length - 1; index > 0; index--) {
    const journal = journals[index]
    const link = journal?.scan.header?.predecessor
    if (journal === undefined || link === undefined || isVoid(journal)) continue
    if ((proven[index] ?? 0) === 0 && !isSameBoot(bootId, journal.scan)) continue
    const before = journals.findIndex(({ id, seal }) => id === link.id && seal?.length !== 0)
    if (before >= 0 && before < index) proven[before] = Math.max(proven[before] ?? 0, link.length)
  }
  return proven
}

function isSameBoot(bootId: Uint8Array, scan: JournalScan): boolean {
  return !isZero(bootId) && equalBytes(bootId, scan.bootId)
}

function endsBelow({ name, scan }: Present, length: number, proven: number): VarveError {
  const why = scan.damage.kind === 'none' ? 'it ends' : `no valid frame there (${scan.damage.kind})`
  return corrupt(name, length, `${why}, but it was durable up to ${proven}`)
}
