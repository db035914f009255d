/**
 * T19: the rules of durability (DESIGN 7 and 12, RELIABILITY 1), checked on a trace event by event. Whatever a power cut may take away at a moment, a rule says what must not be lost by then.
 */
import { journalCommits, manifestEdits, superblockOf, type ManifestEdit, type Superblock } from './formats.ts'
import type { TraceEvent } from './trace.ts'

const RULES = {
  acknowledged: 'a commit is acknowledged with sync only when the journal is synced up to it',
  named: 'a file is named by the manifest only when its name is durable',
  table: 'a table is named by the manifest only when it is synced',
  recorded: 'a superblock records only what is durable of a manifest',
  unlinked: 'a file is removed only when the durable superblock covers the edit that gave it up',
  rotated: 'a journal is synced for the first time only when those before it are synced',
  failed: 'after a failed sync the file is not synced again',
  poisoned: 'after a failed sync nothing is written that others rely on, and nothing removed',
} as const

export type Rule = keyof typeof RULES

/** A rule that a trace breaks. */
export class BrokenRule extends Error {
  override readonly name: string = 'BrokenRule'
  readonly rule: Rule

  constructor(rule: Rule, what: string) {
    super(`${RULES[rule]}: ${what}`)
    this.rule = rule
  }
}

class TracedFile {
  content: Uint8Array = new Uint8Array(0)
  /** Writes and truncations begun, done, and durable. */
  begun = 0
  done = 0
  durable = 0
  isNameDurable = false
  hasFailed = false
  /** Up to here frames were read. */
  parsed = 0
  readonly edits: ManifestEdit[] = []
  /** Where the content of a manifest ended after each write. */
  readonly lengths: number[] = [0]
  /** What a copy of the superblock said after each write. */
  readonly superblocks: (Superblock | undefined)[] = [undefined]

  write(offset: number, bytes: Uint8Array): void {
    const grown = new Uint8Array(Math.max(this.content.byteLength, offset + bytes.byteLength))
    grown.set(this.content)
    grown.set(bytes, offset)
    this.content = grown
  }

  get isDurable(): boolean {
    return this.durable === this.begun
  }
}

interface Place {
  readonly file: TracedFile
  readonly name: string
  readonly write: number
}

export class Auditor {
  /** How often each rule was asked. */
  readonly checks: Record<Rule, number> = {
    acknowledged: 0,
    named: 0,
    table: 0,
    recorded: 0,
    unlinked: 0,
    rotated: 0,
    failed: 0,
    poisoned: 0,
  }
  events = 0
  failedSyncs = 0
  readonly #files = new Map<string, TracedFile>()
  /** Of syncs under way: what they cover. */
  readonly #marks = new Map<number, number>()
  readonly #pendingNames = new Map<number, TracedFile[]>()
  readonly #places = new Map<number, Place>()
  #highest = 0
  /** Manifests that a superblock has named. */
  readonly #inForce = new Set<string>()
  /** Files that these have named. */
  readonly #named = new Set<string>()
  /** The first of which a sync failed. */
  #failedSync = ''
  #hasSettled = false
  #directoryFailed = false

  /** @throws BrokenRule */
  see(event: TraceEvent): void {
    this.events++
    switch (event.kind) {
      case 'create':
        this.#files.set(event.file, new TracedFile())
        return
      case 'write':
        return this.#write(event.file, event.offset, event.bytes)
      case 'written': {
        const file = this.#file(event.file)
        file.done = file.begun
        return
      }
      case 'truncate': {
        const file = this.#file(event.file)
        const isRoom =
          event.file.endsWith('.wal') && file.content.subarray(event.length).every((byte) => byte === 0)
        file.content = file.content.slice(0, event.length)
        // NOTE: whether zeros follow the frames of a journal, or nothing, is the same to whoever reads it.
        if (isRoom) return
        file.parsed = Math.min(file.parsed, event.length)
        file.done = ++file.begun
        file.lengths.push(file.content.byteLength)
        file.superblocks.push(superblockOf(file.content))
        return
      }
      case 'syncStart':
        return this.#syncStart(event.file, event.token)
      case 'sync':
        return this.#sync(event.file, event.token, event.failed)
      case 'settled':
        this.#hasSettled = this.failedSyncs > 0
        return
      case 'unlink':
        return this.#unlink(event.file)
      case 'acknowledged':
        return this.#acknowledged(event.commit)
    }
  }

  #file(name: string): TracedFile {
    const file = this.#files.get(name)
    if (file === undefined) throw new Error(`the trace has no creation of ${name}`)
    return file
  }

  #check(rule: Rule, holds: boolean, what: () => string): void {
    this.checks[rule]++
    if (!holds) throw new BrokenRule(rule, what())
  }

  // ── writes ──────────────────────────────────────────────────────────────────────────────────────────────

  #write(name: string, offset: number, bytes: Uint8Array): void {
    // NOTE: a table that is being written is nobody's yet.
    if (!name.endsWith('.sst')) this.#requireSound(name, 'is written')
    const file = this.#file(name)
    file.write(offset, bytes)
    file.begun++
    file.lengths.push(file.content.byteLength)
    file.superblocks.push(superblockOf(file.content))
    if (name.endsWith('.wal')) this.#findCommits(name, file)
    else if (name.endsWith('.man')) this.#findEdits(name, file)
    else if (name.startsWith('superblock-')) this.#recorded(superblockOf(bytes))
  }

  #findCommits(name: string, file: TracedFile): void {
    const { commits, end } = journalCommits(file.content, file.parsed)
    file.parsed = end
    for (const commit of commits) {
      this.#places.set(commit, { file, name, write: file.begun })
      this.#highest = Math.max(this.#highest, commit)
    }
  }

  #findEdits(name: string, file: TracedFile): void {
    const edits = manifestEdits(file.content, file.parsed)
    file.parsed = edits.at(-1)?.end ?? file.parsed
    file.edits.push(...edits)
    if (this.#inForce.has(name)) this.#requireReady(name, edits)
  }

  /** What edits name is there, or they must not be in force. */
  #requireReady(manifest: string, edits: readonly ManifestEdit[]): void {
    for (const name of edits.flatMap(({ added }) => added)) {
      this.#named.add(name)
      const file = this.#files.get(name)
      // NOTE: it was given up by a later edit, and is gone.
      if (file === undefined) continue
      this.#check('named', file.isNameDurable, () => `${manifest} names ${name}`)
      if (name.endsWith('.sst')) this.#check('table', file.isDurable, () => `${manifest} names ${name}`)
    }
  }

  #recorded(superblock: Superblock | undefined): void {
    if (superblock === undefined) return
    const { manifest, length } = superblock
    const file = this.#file(manifest)
    const durableBytes = file.lengths[file.durable] ?? 0
    const isReady = file.isNameDurable && durableBytes >= length
    this.#check('recorded', isReady, () => `${manifest} up to ${length}, and ${durableBytes} B are durable`)
    if (this.#inForce.has(manifest)) return
    this.#inForce.add(manifest)
    this.#requireReady(manifest, file.edits)
  }

  /** No sync has failed. */
  #requireSound(name: string, what: string): void {
    const { checks } = this
    checks.poisoned++
    if (this.#hasSettled)
      throw new BrokenRule(
        'poisoned',
        `${name} ${what} after the sync of ${this.#failedSync === '' ? 'the directory' : this.#failedSync} failed`,
      )
  }

  // ── syncs ───────────────────────────────────────────────────────────────────────────────────────────────

  #syncStart(name: string, token: number): void {
    if (name === '') {
      this.#check('failed', !this.#directoryFailed, () => 'the directory is synced again')
      this.#pendingNames.set(token, [...this.#files.values()])
      return
    }
    const file = this.#file(name)
    this.#check('failed', !file.hasFailed, () => `${name} is synced again`)
    if (name.endsWith('.wal') && file.durable === 0) this.#requireEarlierSynced(name)
    this.#marks.set(token, file.done)
  }

  #requireEarlierSynced(name: string): void {
    for (const [other, file] of this.#files) {
      // NOTE: names are numbers of one length.
      if (!other.endsWith('.wal') || other >= name) continue
      this.#check('rotated', file.isDurable, () => `${name} is synced before ${other}`)
    }
  }

  #sync(name: string, token: number, failed: boolean): void {
    if (failed) {
      if (this.failedSyncs++ === 0) this.#failedSync = name
    }
    if (name === '') {
      const files = this.#pendingNames.get(token) ?? []
      if (failed) this.#directoryFailed = true
      else for (const file of files) file.isNameDurable = true
      return
    }
    const file = this.#files.get(name)
    if (file === undefined) return
    if (failed) file.hasFailed = true
    else file.durable = Math.max(file.durable, this.#marks.get(token) ?? 0)
  }

  // ── removals and acknowledgements ───────────────────────────────────────────────────────────────────────

  #unlink(name: string): void {
    if (!/^[0-9a-f]{16}\./.test(name)) return
    // NOTE: what was made and never named may go.
    if (this.#inForce.has(name) || this.#named.has(name)) this.#requireSound(name, 'is removed')
    const superblock = this.#durableSuperblock()
    this.#check('unlinked', superblock !== undefined && !this.#mayBeNamed(name, superblock), () => name)
    this.#files.delete(name)
  }

  #durableSuperblock(): Superblock | undefined {
    return ['superblock-a', 'superblock-b']
      .flatMap((name) => {
        const file = this.#files.get(name)
        const found = file?.superblocks[file.durable]
        return found === undefined ? [] : [found]
      })
      .sort((a, b) => b.generation - a.generation)[0]
  }

  /** Whether a start of the log of edits, from what is recorded up to all of it, names the file. */
  #mayBeNamed(name: string, { manifest, length }: Superblock): boolean {
    if (name.endsWith('.man')) return name === manifest
    let isNamed = false
    let keyspace = -1
    for (const { end, added, removed, dropped, keyspaces } of this.#file(manifest).edits) {
      if (removed.includes(name) || dropped.includes(keyspace)) isNamed = false
      if (added.includes(name)) {
        isNamed = true
        keyspace = keyspaces.get(name) ?? -1
      }
      if (isNamed && end > length) return true
      if (end === length && isNamed) return true
    }
    return isNamed
  }

  #acknowledged(commit: number): void {
    let at = Math.min(commit, this.#highest)
    // NOTE: a commit that only deletes names itself nowhere.
    while (at > 0 && !this.#places.has(at)) at--
    const place = this.#places.get(at)
    // NOTE: a journal that is gone is needed no more.
    if (place === undefined || this.#files.get(place.name) !== place.file) return
    const { file, name, write } = place
    const isDurable = file.isNameDurable && file.durable >= write
    this.#check('acknowledged', isDurable, () => `commit ${commit}, in ${name}`)
  }
}

/** @throws BrokenRule, with the events before it */
export function audit(events: Iterable<TraceEvent>, auditor: Auditor = new Auditor()): Auditor {
  const recent: string[] = []
  for (const event of events) {
    recent.push(describe(event))
    if (recent.length > 12) recent.shift()
    try {
      auditor.see(event)
    } catch (error) {
      if (error instanceof BrokenRule) error.message += `\n  ${recent.join('\n  ')}`
      throw error
    }
  }
  return auditor
}

function describe(event: TraceEvent): string {
  const { kind, ...rest } = event
  const parts = Object.entries(rest).map(([name, value]) =>
    value instanceof Uint8Array ? `${value.byteLength} B` : `${name} ${String(value)}`,
  )
  return `${kind} ${parts.join(', ')}`
}
