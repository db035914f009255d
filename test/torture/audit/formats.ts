/** As much of docs/journal-format.md and docs/manifest-format.md as the rules need, read anew here: what the engine wrote is not read by what wrote it. */

const JOURNAL_HEADER_BYTES = 128
const FRAME_HEADER_BYTES = 40
const KIND_BATCH = 1
const ENTRY_HEADER_BYTES = 12
const MANIFEST_HEADER_BYTES = 128
const EDIT_HEADER_BYTES = 24

const decoder = new TextDecoder()

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function padded(sizeBytes: number): number {
  return Math.ceil(sizeBytes / 8) * 8
}

/** Frames of a journal from `at` on. @returns the commits that values in them name ('17:…'), and where the frames end */
export function journalCommits(content: Uint8Array, at: number): { commits: number[]; end: number } {
  const view = viewOf(content)
  const commits: number[] = []
  let end = at === 0 ? JOURNAL_HEADER_BYTES : at
  while (end + FRAME_HEADER_BYTES <= content.byteLength) {
    const payloadBytes = view.getUint32(end + 8, true)
    const next = end + padded(FRAME_HEADER_BYTES + payloadBytes)
    if (next > content.byteLength) break
    if (view.getUint8(end + 12) === KIND_BATCH) {
      const payload = end + FRAME_HEADER_BYTES
      commits.push(...entryCommits(content.subarray(payload, payload + payloadBytes)))
    }
    end = next
  }
  return { commits, end: Math.min(end, content.byteLength) }
}

function entryCommits(payload: Uint8Array): number[] {
  const view = viewOf(payload)
  const commits: number[] = []
  for (let at = 0; at < payload.byteLength;) {
    const valueBytes = view.getUint32(at, true)
    const value = at + ENTRY_HEADER_BYTES + view.getUint16(at + 4, true)
    const number = /^(\d+):/.exec(
      decoder.decode(payload.subarray(value, value + Math.min(valueBytes, 16))),
    )?.[1]
    if (number !== undefined) commits.push(Number(number))
    at = value + valueBytes
  }
  return commits
}

/** An edit of a manifest: files that it names, and names no more. */
export interface ManifestEdit {
  /** Offset behind it. */
  readonly end: number
  readonly added: string[]
  readonly removed: string[]
  /** Keyspaces that go, with their tables. */
  readonly dropped: number[]
  /** Keyspaces of the tables added. */
  readonly keyspaces: ReadonlyMap<string, number>
}

export function fileOf(id: number, extension: 'sst' | 'wal' | 'man'): string {
  return `${id.toString(16).padStart(16, '0')}.${extension}`
}

/** Edits of a manifest from `at` on, as far as they are whole. */
export function manifestEdits(content: Uint8Array, at: number): ManifestEdit[] {
  const edits: ManifestEdit[] = []
  let start = at === 0 ? MANIFEST_HEADER_BYTES : at
  while (start + EDIT_HEADER_BYTES <= content.byteLength) {
    const payloadBytes = viewOf(content).getUint32(start + 8, true)
    const end = start + padded(EDIT_HEADER_BYTES + payloadBytes)
    if (end > content.byteLength) break
    const payload = content.subarray(start + EDIT_HEADER_BYTES, start + EDIT_HEADER_BYTES + payloadBytes)
    edits.push(editOf(payload, end))
    start = end
  }
  return edits
}

function editOf(payload: Uint8Array, end: number): ManifestEdit {
  const keyspaces = new Map<string, number>()
  const edit = { end, added: [] as string[], removed: [] as string[], dropped: [] as number[], keyspaces }
  for (const [tag, content] of fieldsOf(payload)) {
    const numbers = (): number[] => numbersOf(content)
    if (tag === 7) {
      const record = new Map(fieldsOf(content))
      const name = fileOf(numbersOf(record.get(3))[0] ?? 0, 'sst')
      edit.added.push(name)
      keyspaces.set(name, numbersOf(record.get(1))[0] ?? 0)
    } else if (tag === 13) edit.added.push(fileOf(numbers()[0] ?? 0, 'wal'))
    else if (tag === 9) edit.removed.push(fileOf(numbers()[1] ?? 0, 'sst'))
    else if (tag === 17) edit.removed.push(fileOf(numbers()[0] ?? 0, 'wal'))
    else if (tag === 5) edit.dropped.push(numbers()[0] ?? 0)
  }
  return edit
}

function fieldsOf(bytes: Uint8Array): [tag: number, content: Uint8Array][] {
  const fields: [number, Uint8Array][] = []
  for (let at = 0; at < bytes.byteLength;) {
    const [tag, afterTag] = varint(bytes, at)
    const [length, start] = varint(bytes, afterTag)
    fields.push([tag, bytes.subarray(start, start + length)])
    at = start + length
  }
  return fields
}

function numbersOf(bytes: Uint8Array = new Uint8Array(0)): number[] {
  const numbers: number[] = []
  for (let at = 0; at < bytes.byteLength;) {
    const [number, next] = varint(bytes, at)
    numbers.push(number)
    at = next
  }
  return numbers
}

function varint(bytes: Uint8Array, at: number): [number, next: number] {
  let value = 0
  for (let scale = 1; ; scale *= 128) {
    const byte = bytes[at++]
    if (byte === undefined) return [value, at]
    value += (byte & 127) * scale
    if (byte < 128) return [value, at]
  }
}

export interface Superblock {
  readonly generation: number
  readonly manifest: string
  readonly length: number
}

/** What a copy of the superblock says; undefined for one that is not whole. */
export function superblockOf(bytes: Uint8Array): Superblock | undefined {
  if (bytes.byteLength < 128) return undefined
  const view = viewOf(bytes)
  const number = (at: number): number => Number(view.getBigUint64(at, true))
  return { generation: number(32), manifest: fileOf(number(48), 'man'), length: number(56) }
}
