/**
 * Small logs of a few journals with everything that is true of them, written down while they are written, and the verdict that
 * docs/journal-format.md demands after a damage, worked out from these facts: the oracle of the damage tests.
 */
import { KIND_BATCH, KIND_GAP, type JournalLink } from '../../src/journal/format.ts'
import type { JournalSource } from '../../src/journal/scan.ts'
import { JournalWriter } from '../../src/journal/writer.ts'
import type { Kernel } from '../../src/kernel/kernel.ts'
import { BytesFile, digest, headerOf, payloadOf, ProbeFile, put, testKernel } from './support.ts'

export interface FrameFact {
  offset: number
  end: number
  kind: number
  baseSeqno: number
  count: number
  syncedOffset: number
  digest: string
}

export interface JournalFacts {
  id: number
  bytes: Uint8Array
  frames: FrameFact[]
  link: JournalLink | undefined
  seal: JournalLink | undefined
}

export type Step =
  | { put: number; count?: number; hold?: boolean }
  /** A group that finds no space after so many bytes. */
  | { fail: number }
  | 'sync'
  /** Ends the journal without a seal in the manifest, or with one. */
  | 'rotate'
  | 'rotate-sealed'
  /** A stale thread goes on writing to the first journal, which was just sealed. */
  | 'stale-writes'
  /** The next journal's file was created, and no more. */
  | 'create-only'

/** Writes a log in boot A. */
export function buildLog(kernel: Kernel, steps: readonly Step[]): JournalFacts[] {
  const log: JournalFacts[] = []
  let file = new ProbeFile(1)
  let writer = JournalWriter.begin(kernel, file, headerOf(1), kernel.exports.nextSeqno())
  let frames: FrameFact[] = []
  let link: JournalLink | undefined
  let lost = 0
  let seed = 0
  const finish = (seal: JournalLink | undefined): void => {
    log.push({ id: writer.id, bytes: file.bytes, frames, link, seal })
    frames = []
  }
  const note = (kind: number, payload: Uint8Array, count: number): void => {
    const offset = frames.at(-1)?.end ?? 128
    const baseSeqno = kernel.exports.nextSeqno() - count - (kind === KIND_GAP ? lost : 0)
    frames.push({
      offset,
      end: offset + 40 + Math.ceil(payload.byteLength / 8) * 8,
      kind,
      baseSeqno: kind === KIND_GAP ? kernel.exports.nextSeqno() - lost : baseSeqno,
      count,
      syncedOffset: writer.syncedOffset,
      digest: digest(payload),
    })
  }
  const noteGap = (): void => {
    if (lost > 0) note(KIND_GAP, new Uint8Array(0), lost)
    lost = 0
  }
  for (const step of steps) {
    if (step === 'sync') {
      noteGap()
      writer.sync()
    } else if (step === 'create-only') {
      writer.writeOut()
      finish(undefined)
      log.push({ id: writer.id + 1, bytes: new Uint8Array(0), frames: [], link: undefined, seal: undefined })
      return log
    } else if (step === 'stale-writes') {
      const previous = log.at(-1)
      if (previous === undefined) throw new Error('nothing was sealed')
      const before = steps.slice(0, steps.indexOf('rotate-sealed'))
      const stale = buildLog(testKernel(), [...before, { put: 30 }, 'sync', { put: 30 }])[0]
      previous.bytes = stale?.bytes ?? previous.bytes
    } else if (step === 'rotate' || step === 'rotate-sealed') {
      noteGap()
      const end = writer.seal()
      if (step === 'rotate-sealed') writer.sync()
      finish(step === 'rotate-sealed' ? end : undefined)
      link = end
      const next = new ProbeFile(end.id + 1)
      writer = JournalWriter.begin(
        kernel,
        next,
        headerOf(end.id + 1, end),
        kernel.exports.nextSeqno(),
        writer,
      )
      file = next
    } else if ('fail' in step) {
      file.faults.write = () => step.fail
      try {
        put(kernel, writer, payloadOf(++seed, step.fail + 50), 2)
      } catch {
        lost += 2
      }
      file.faults = {}
    } else {
      const { put: bytes, count = 1, hold = false } = step
      const payload = payloadOf(++seed, bytes, count)
      noteGap()
      const { syncedOffset } = writer
      put(kernel, writer, payload, count, hold)
      note(KIND_BATCH, payload, count)
      const last = frames.at(-1)
      if (last !== undefined) last.syncedOffset = syncedOffset
    }
  }
  writer.writeOut()
  finish(undefined)
  return log
}

export type Damage =
  | { kind: 'none' }
  | { kind: 'cut'; journal: number; length: number }
  | { kind: 'change'; journal: number; at: number; mask: number }

export function damagedSources(log: readonly JournalFacts[], damage: Damage): JournalSource[] {
  return log.map(({ id, bytes, seal }, index) => {
    let content = bytes
    if (damage.kind !== 'none' && damage.journal === index) {
      if (damage.kind === 'cut') content = bytes.subarray(0, damage.length)
      else {
        content = bytes.slice()
        content[damage.at] = (content[damage.at] ?? 0) ^ damage.mask
      }
    }
    const file = new BytesFile(id, content)
    return { id, name: file.name, file, seal }
  })
}

export type Expected =
  | { verdict: 'CORRUPT'; journal: number; offset: number }
  | {
      verdict: 'open'
      /** How many frames of each journal are applied. */
      applied: number[]
      cut: { journal: number; offset: number; droppedBytes: number } | undefined
    }

/** What is left of a journal. */
interface Remains {
  facts: JournalFacts
  length: number
  isVoid: boolean
  hasHeader: boolean
  isSameBoot: boolean
  /** The frames in front of the damage, up to where the journal ends. */
  valid: number
  /** First byte that is not valid, or the end. */
  stop: number
  /** As it should be: it ends where it must, or where the file does. */
  clean: boolean
  /** The damage is that bytes are missing at the end of the file. */
  short: boolean
  proven: number
}

/** @param boot the boot of the reader; the log was written under boot A */
export function expectedVerdict(
  log: readonly JournalFacts[],
  damage: Damage,
  boot: 'same' | 'other' | 'unknown',
): Expected {
  const remains = log.map((facts, index) => examine(log, facts, index, damage, boot))
  for (let index = remains.length - 1; index > 0; index--) {
    const { facts, hasHeader, proven, isSameBoot } = remains[index] as Remains
    if (!hasHeader || facts.link === undefined || !(proven > 0 || isSameBoot)) continue
    const before = remains[index - 1] as Remains
    before.proven = Math.max(before.proven, facts.link.length)
  }
  const applied = log.map(() => 0)
  let cut: { journal: number; offset: number; droppedBytes: number } | undefined
  for (const [index, journal] of remains.entries()) {
    const { length, isVoid, hasHeader, proven, isSameBoot, stop, valid } = journal
    const corrupt: Expected = { verdict: 'CORRUPT', journal: index, offset: stop }
    if (isVoid) {
      if (proven > 0) return { ...corrupt, offset: length }
      const later = remains.slice(index + 1)
      if (cut !== undefined) continue
      if (later[0]?.hasHeader === true) cut = { journal: index, offset: 0, droppedBytes: 0 }
      else if (length > 0 && later.every((each) => each.isVoid))
        cut = { journal: index, offset: 0, droppedBytes: length }
    } else if (cut !== undefined) {
      if (proven > 0 || (isSameBoot && valid > 0)) {
        return { verdict: 'CORRUPT', journal: cut.journal, offset: cut.offset }
      }
      cut.droppedBytes += hasHeader ? length - 128 : length
    } else if (stop < proven) {
      return corrupt
    } else if (journal.clean) {
      applied[index] = valid
    } else if (isSameBoot && !(journal.short && remains.slice(index + 1).every((later) => later.isVoid))) {
      return corrupt
    } else {
      applied[index] = valid
      cut = { journal: index, offset: stop, droppedBytes: length - stop }
    }
  }
  return { verdict: 'open', applied, cut }
}

function examine(
  log: readonly JournalFacts[],
  facts: JournalFacts,
  index: number,
  damage: Damage,
  boot: 'same' | 'other' | 'unknown',
): Remains {
  const mine = damage.kind !== 'none' && damage.journal === index ? damage : undefined
  const length = mine?.kind === 'cut' ? mine.length : facts.bytes.byteLength
  const changed = mine?.kind === 'change' ? mine.at : undefined
  const isVoid = length < 128
  const hasHeader = !isVoid && !(changed !== undefined && changed < 128)
  const bootChanged = changed !== undefined && changed >= 48 && changed < 64
  const isSameBoot = boot === 'same' && !isVoid && !bootChanged
  const proven = Math.max(facts.seal?.length ?? 0, provenByFrames(facts, length, changed, isVoid))
  const end = facts.seal?.length ?? linkedLength(log, index, damage)
  const common = { facts, length, isVoid, hasHeader, isSameBoot, proven }
  if (!hasHeader) return { ...common, valid: 0, stop: 0, clean: isVoid, short: false }
  let valid = 0
  let stop = 128
  for (const frame of facts.frames) {
    if (frame.end > length || (changed !== undefined && changed >= frame.offset && changed < frame.end)) break
    valid++
    stop = frame.end
  }
  const broken = facts.frames[valid]
  const atEnd = broken === undefined || stop === length
  return {
    ...common,
    valid,
    stop,
    clean: atEnd && stop === (end ?? stop),
    short: !atEnd && length < broken.end,
  }
}

/** Where the next journal's header, if it can be read, says that this one was left. */
function linkedLength(log: readonly JournalFacts[], index: number, damage: Damage): number | undefined {
  const next = log[index + 1]
  if (next === undefined || next.seal?.length === 0) return undefined
  if (damage.kind === 'cut' && damage.journal === index + 1 && damage.length < 128) return undefined
  if (damage.kind === 'change' && damage.journal === index + 1 && damage.at < 128) return undefined
  return next.link?.length
}

/** The highest synced offset in a frame header that can be believed. */
function provenByFrames(
  facts: JournalFacts,
  length: number,
  changed: number | undefined,
  isVoid: boolean,
): number {
  if (isVoid) return 0
  let proven = 0
  for (const { offset, syncedOffset } of facts.frames) {
    const isHere = offset + 40 <= length
    const inHeader = changed !== undefined && changed >= offset + 8 && changed < offset + 40
    if (isHere && !inHeader) proven = Math.max(proven, syncedOffset)
  }
  return proven
}
