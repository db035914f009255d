import { equalBytes } from '../bytes.ts'
import type { Keeper } from '../engine/keeper.ts'
import { missing } from '../engine/read-database.ts'
import { corrupt, VarveError } from '../errors.ts'
import type { File } from '../fs/filesystem.ts'
import { journalFileName } from '../fs/file-names.ts'
import {
  HEADER_DATABASE_ID,
  HEADER_JOURNAL_ID,
  HEADER_PREDECESSOR,
  type JournalHeader,
  type JournalLink,
} from '../journal/format.ts'
import { BatchWalk } from '../journal/batch-walk.ts'
import { FrameCursor } from '../journal/reader.ts'
import type { JournalSeal } from '../version/state.ts'
import { assertStillOpen, openIfThere } from './open-file.ts'
import type { VerifyReport } from '../engine/verify-report.ts'
import { noteProblem } from './report.ts'
import type { Slices } from './slices.ts'

/** Frames checked between two looks at the clock. */
const FRAMES_AT_ONCE = 256

/** Reads every frame of the journals that the manifest names, and that each goes on where the one before it was left. @throws ABORTED, CLOSED */
export async function checkJournals(keeper: Keeper, report: VerifyReport, slices: Slices): Promise<void> {
  const { catalog } = keeper
  const ids = [...catalog.state.journals.keys()].sort((a, b) => a - b)
  /** Where the journal before was left. */
  let before: JournalLink | undefined
  for (const id of ids) {
    try {
      const file = await openIfThere(keeper, journalFileName(id))
      const journal = catalog.state.journals.get(id)
      // NOTE: undefined: given up meanwhile, and deleted as soon as nobody has it open. What follows it cannot be compared with it.
      if (journal === undefined) {
        file?.close()
        before = undefined
        continue
      }
      if (file === undefined) throw missing(journalFileName(id))
      try {
        const check = new JournalCheck(keeper, file, id, journal.seal, before)
        report.files++
        report.bytes += check.end
        if (check.end > 0) {
          await slices.run(check.frames())
          before = check.reached
          check.room()
        }
      } finally {
        file.close()
      }
    } catch (error) {
      before = undefined
      if (catalog.state.journals.has(id)) noteProblem(report, error)
    }
  }
}

class JournalCheck {
  /** Everything below was written as a whole. 0: it is no part of the log, or not begun. */
  readonly end: number
  reached: JournalLink | undefined
  readonly #keeper: Keeper
  readonly #file: File
  readonly #id: number
  readonly #before: JournalLink | undefined
  /** At `end`, where it is known. */
  readonly #chain: Uint8Array | undefined

  constructor(
    keeper: Keeper,
    file: File,
    id: number,
    seal: JournalSeal | undefined,
    before: JournalLink | undefined,
  ) {
    const { current } = keeper.journals
    this.#keeper = keeper
    this.#file = file
    this.#id = id
    this.#before = before
    if (seal !== undefined) {
      this.end = seal.length
      this.#chain = seal.chain
    } else if (current?.id === id) {
      this.end = current.length
      // NOTE: the writer's chain is that of the last frame acknowledged, which may wait in its buffer.
      this.#chain = current.bufferedBytes === 0 ? current.chain : undefined
    } else {
      // It was left, and the edit that seals it waits for the next one.
      this.end = file.size()
      this.#chain = undefined
    }
  }

  /** Yields between some frames; other things may be done with the kernel then. @throws CORRUPT, IO */
  *frames(): Generator<void> {
    const { kernel } = this.#keeper
    const name = this.#file.name
    const page = kernel.page()
    try {
      const cursor = new FrameCursor(kernel, this.#file, page, this.end, false)
      cursor.batches = new BatchWalk(kernel)
      const { decoded } = cursor.readHeader()
      if (decoded.kind !== 'header') throw corrupt(name, 0, 'its header is not as it was written')
      this.#checkHeader(decoded.header)
      let step = cursor.next()
      for (let frames = 1; step === 'frame'; frames++) {
        if (frames % FRAMES_AT_ONCE === 0) yield
        step = cursor.next()
      }
      if (step !== 'end') throw corrupt(name, cursor.position, `no valid frame there (${step})`)
      const chain = cursor.codec.takeChain()
      if (this.#chain !== undefined && !equalBytes(chain, this.#chain)) {
        throw corrupt(name, this.end, 'its frames are not those that were written')
      }
      this.reached = { id: this.#id, length: this.end, chain }
    } finally {
      kernel.exports.freePage(page)
    }
  }

  /** What is behind the frames of the journal that is written. @throws CORRUPT, IO, CLOSED */
  room(): void {
    const keeper = this.#keeper
    // NOTE: whoever waited for the frames may go on in a later turn.
    assertStillOpen(keeper)
    const { current } = keeper.journals
    if (current?.id !== this.#id) return
    let at: number | undefined
    try {
      // NOTE: what is behind a write of which nobody knows how far it came, the next open says.
      at = keeper.thread.locked(() => (keeper.writable ? current.damageInRoom() : undefined))
    } catch (error) {
      if (error instanceof VarveError && error.code === 'POISONED') return
      throw error
    }
    if (at !== undefined) throw corrupt(this.#file.name, at, 'there are no zeros behind its frames')
  }

  #checkHeader({ databaseId, journalId, predecessor }: JournalHeader): void {
    const name = this.#file.name
    const { databaseId: ours } = this.#keeper
    if (!equalBytes(databaseId, ours))
      throw corrupt(name, HEADER_DATABASE_ID, 'it belongs to another database')
    if (journalId !== this.#id)
      throw corrupt(name, HEADER_JOURNAL_ID, 'it is another journal under this name')
    const link = this.#before
    if (link === undefined) return
    const follows =
      predecessor?.id === link.id &&
      predecessor.length === link.length &&
      equalBytes(predecessor.chain, link.chain)
    if (!follows) throw corrupt(name, HEADER_PREDECESSOR, 'it does not follow the journal before it')
  }
}
