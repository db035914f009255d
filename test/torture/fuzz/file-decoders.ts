/** The decoders of files, in JavaScript over the kernel's checksums. Errors are VarveErrors; what is accepted is the same when it is written again. */
import { KIND_FILE_HEADER, KIND_FOOTER, SLOT_CHECKSUM } from '../../../assembly/memory/layout.ts'
import { VarveError } from '../../../src/errors.ts'
import type { File } from '../../../src/fs/filesystem.ts'
import {
  decodeHeader as decodeJournalHeader,
  encodeHeader as encodeJournalHeader,
} from '../../../src/journal/format.ts'
import { readFrames } from '../../../src/journal/reader.ts'
import { scanJournal } from '../../../src/journal/scan.ts'
import type { Kernel } from '../../../src/kernel/kernel.ts'
import {
  decodeFooter,
  decodeHeader,
  encodeFooter,
  encodeHeader,
  type Footer,
} from '../../../src/table/format.ts'
import { checkProperties } from '../../../src/table/properties.ts'
import { decodeEdits, encodeEdits } from '../../../src/version/edit.ts'
import { applyEdits } from '../../../src/version/fold.ts'
import { readManifest } from '../../../src/version/manifest-reader.ts'
import { DatabaseState } from '../../../src/version/state.ts'
import { decodeSuperblock, encodeSuperblock } from '../../../src/version/superblock.ts'
import type { TableInfo } from '../../../src/version/version.ts'
import { readBlock } from '../../kernel/table-format.ts'
import { type Decoder, must } from './decoder.ts'

const JOURNAL_CAP_BYTES = 1_048_576
const MANIFEST_HEADER_BYTES = 128

type Hash = (bytes: Uint8Array, target: Uint8Array, at: number) => void

export function fileDecoders(kernel: Kernel, files: ReadonlyMap<string, Uint8Array>): Decoder[] {
  const ending = (extension: string): Uint8Array[] =>
    [...files]
      .filter(([name, bytes]) => name.endsWith(extension) && bytes.byteLength > 0)
      .map(([, bytes]) => bytes)
  const hash: Hash = (bytes, target, at) => kernel.hashBytes(bytes, target, at)
  const tables = ending('.sst')
  const manifests = ending('.man')
  return [
    tableHeaders(kernel, tables),
    footers(kernel, tables),
    properties(tables),
    journals(kernel, hash, ending('.wal').flatMap(shortened)),
    edits(manifests),
    manifestFiles(kernel, hash, manifests),
    superblocks(kernel, hash, [...ending('superblock-a'), ...ending('superblock-b')]),
  ]
}

/** @returns 'ok …', or the code of the error and where it lies. Other errors are violations. */
function attempt(decode: () => string): string {
  try {
    return decode()
  } catch (error) {
    if (!(error instanceof VarveError)) throw error
    must(['CORRUPT', 'FORMAT_VERSION', 'NO_MEMORY'].includes(error.code), `code ${error.code}`)
    return `${error.code} ${error.message.replaceAll(/\d+/g, 'n').slice(0, 100)}`
  }
}

class MemoryFile implements File {
  readonly name = 'fuzzed'
  readonly descriptor = 7
  readonly #bytes: Uint8Array

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  size(): number {
    return this.#bytes.byteLength
  }

  read(target: Uint8Array, position: number): number {
    const part = this.#bytes.subarray(position, position + target.byteLength)
    target.set(part)
    return part.byteLength
  }

  write(): void {
    throw new Error('a decoder writes')
  }

  truncate(): void {
    throw new Error('a decoder truncates')
  }

  sync(): void {}
  async syncAsync(): Promise<void> {}
  close(): void {}
}

// ── tables ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

function tableHeaders(kernel: Kernel, tables: readonly Uint8Array[]): Decoder {
  const salt = kernel.record(64)
  return {
    name: 'table-header',
    corpus: tables.map((bytes) => bytes.slice(0, 64)),
    sign(bytes) {
      if (bytes.byteLength < 64) return
      kernel.u8.set(bytes.subarray(16, 32), salt)
      mixed(kernel, bytes.subarray(0, 56), KIND_FILE_HEADER, salt, 0, bytes, 56)
    },
    run: (bytes) =>
      attempt(() => {
        // INVARIANT: its callers read so many bytes, or say CORRUPT before.
        const header = fixed(bytes, 64)
        const keyspaceId = decodeHeader(kernel, header, salt, 'fuzzed')
        must(
          Buffer.compare(encodeHeader(kernel, salt, keyspaceId), header) === 0,
          'written again it is another',
        )
        return 'ok'
      }),
  }
}

function footers(kernel: Kernel, tables: readonly Uint8Array[]): Decoder {
  const salt = kernel.record(64)
  kernel.u8.fill(3, salt, salt + 16)
  const FILE_BYTES = 1_000_000
  const plain = tables.map((bytes) => {
    const footer = bytes.slice(-64)
    new DataView(footer.buffer).setBigUint64(32, BigInt(FILE_BYTES), true)
    return footer
  })
  const sign = (bytes: Uint8Array): void => {
    if (bytes.byteLength < 64) return
    const covered = new Uint8Array(56)
    covered.set(bytes.subarray(0, 48))
    covered.set(bytes.subarray(56, 64), 48)
    mixed(kernel, covered, KIND_FOOTER, salt, FILE_BYTES - 64, bytes, 48)
  }
  for (const footer of plain) sign(footer)
  return {
    name: 'footer',
    corpus: plain,
    sign,
    run: (bytes) =>
      attempt(() => {
        const stored = fixed(bytes, 64)
        const footer = decodeFooter(kernel, stored, salt, FILE_BYTES, 'fuzzed')
        for (const [offset, size] of [
          [footer.rootOffset, footer.rootSize],
          [footer.propertiesOffset, footer.propertiesSize],
        ] as const)
          must(offset >= 64 && size > 0 && offset + size <= FILE_BYTES - 64, 'it points elsewhere')
        must(Buffer.compare(encodeFooter(kernel, salt, footer), stored) === 0, 'written again it is another')
        return 'ok'
      }),
  }
}

function properties(tables: readonly Uint8Array[]): Decoder {
  const info = {
    entries: 0,
    smallestKey: new Uint8Array(0),
    largestKey: new Uint8Array(0),
    lowestSeqno: 0,
    highestSeqno: 0,
  } as TableInfo
  const footer: Footer = {
    rootOffset: 64,
    rootSize: 100,
    propertiesOffset: 900_000,
    propertiesSize: 999,
    fileLength: 1e6,
  }
  const corpus = tables.map((bytes) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset + bytes.byteLength - 64)
    const at = Number(view.getBigUint64(16, true))
    return readBlock(bytes, at, bytes.subarray(16, 32)).payload.slice()
  })
  return {
    name: 'properties',
    corpus,
    run: (bytes) =>
      attempt(() => {
        const said = propertiesOf(bytes, info)
        const { filter } = checkProperties(bytes, said, 'fuzzed', footer)
        if (filter === undefined) return 'ok'
        must(filter.probes >= 1 && filter.lines >= 1, 'an impossible filter')
        must(filter.offset + filter.lines * 64 <= footer.propertiesOffset, 'a filter beyond its place')
        return 'ok, filter'
      }),
  }
}

/** What the manifest would have to say for the properties to agree with it, as far as they are readable. */
function propertiesOf(bytes: Uint8Array, otherwise: TableInfo): TableInfo {
  const info = { ...otherwise } as { -readonly [K in keyof TableInfo]: TableInfo[K] }
  let at = 0
  const varint = (): number => {
    let value = 0
    for (let scale = 1; at < bytes.byteLength; scale *= 128) {
      const byte = bytes[at++] as number
      value += (byte & 127) * scale
      if (byte < 128) break
    }
    return value
  }
  while (at < bytes.byteLength) {
    const tag = varint()
    const end = varint() + at
    const start = at
    if (tag === 1) info.entries = varint()
    if (tag === 3) info.smallestKey = bytes.slice(start, end)
    if (tag === 5) info.largestKey = bytes.slice(start, end)
    if (tag === 7) info.lowestSeqno = varint()
    if (tag === 9) info.highestSeqno = varint()
    at = end
  }
  return info
}

// ── logs ───────────────────────────────────────────────────────────────────────────────────────────────────────────────

function journals(kernel: Kernel, hash: Hash, corpus: readonly Uint8Array[]): Decoder {
  return {
    name: 'journal',
    corpus,
    sign(bytes) {
      if (bytes.byteLength < 128) return
      hash(bytes.subarray(0, 120), bytes, 120)
      signFrames(bytes, hash, 40, bytes.slice(88, 104), (frame, checked) => {
        checked.set(frame.subarray(8, 28), 24)
        checked.set(frame.subarray(32, 40), 44)
        return { length: 52, at: 28 }
      })
    },
    run: (bytes) =>
      attempt(() => {
        const decoded = decodeJournalHeader(bytes.subarray(0, 4096), hash)
        if (decoded.kind === 'header') {
          const again = encodeJournalHeader(decoded.header, hash)
          must(Buffer.compare(again, bytes.subarray(0, 128)) === 0, 'the header written again is another')
        }
        const file = new MemoryFile(bytes)
        const scan = scanJournal(kernel, file, undefined)
        must(scan.validLength <= bytes.byteLength, 'it ends behind its end')
        if (decoded.kind !== 'header') return decoded.kind
        let frames = 0
        for (const frame of readFrames(kernel, file, scan.validLength, JOURNAL_CAP_BYTES)) {
          must(frame.offset + frame.payload.byteLength <= bytes.byteLength, 'a payload beyond the file')
          frames++
        }
        must(frames === scan.frames, 'the scan counts other frames')
        return `ok ${Math.min(4, frames)} ${scan.damage.kind}`
      }),
  }
}

/** A journal's first frames, so that one is read in microseconds: one of them, and six. */
function shortened(bytes: Uint8Array): Uint8Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const ends: number[] = [128]
  for (let at = 128; at + 40 <= bytes.byteLength && ends.length < 7;) {
    at += Math.ceil((40 + view.getUint32(at + 8, true)) / 8) * 8
    if (at <= bytes.byteLength && at < 4096) ends.push(at)
  }
  return [...new Set([ends[1] ?? 128, ends.at(-1) ?? 128])].map((end) => bytes.slice(0, end))
}

/** Header checks and chains over whatever the frames say. `checked` begins with salt and offset. */
function signFrames(
  bytes: Uint8Array,
  hash: Hash,
  headerBytes: number,
  salt: Uint8Array,
  gather: (frame: Uint8Array, checked: Uint8Array) => { length: number; at: number },
): void {
  const chain = bytes.slice(120, 128)
  const checked = new Uint8Array(64)
  const result = new Uint8Array(8)
  checked.set(salt)
  for (let at = 128; at + headerBytes <= bytes.byteLength;) {
    const payloadBytes = new DataView(bytes.buffer, bytes.byteOffset).getUint32(at + 8, true)
    const frame = bytes.subarray(at, at + Math.ceil((headerBytes + payloadBytes) / 8) * 8)
    new DataView(checked.buffer).setBigUint64(16, BigInt(at), true)
    const { length, at: checkAt } = gather(frame, checked)
    hash(checked.subarray(0, length), result, 0)
    frame.set(result.subarray(0, 4), checkAt)
    if (at + frame.byteLength > bytes.byteLength || frame.byteLength < headerBytes) return
    frame.set(chain)
    hash(frame, chain, 0)
    frame.set(chain)
    at += frame.byteLength
  }
}

function edits(manifests: readonly Uint8Array[]): Decoder {
  const corpus = manifests.flatMap((bytes) => {
    const payloads: Uint8Array[] = []
    const view = new DataView(bytes.buffer, bytes.byteOffset)
    for (let at = MANIFEST_HEADER_BYTES; at + 24 <= bytes.byteLength;) {
      const length = view.getUint32(at + 8, true)
      payloads.push(bytes.slice(at + 24, at + 24 + length))
      at += Math.ceil((24 + length) / 8) * 8
    }
    return payloads
  })
  return {
    name: 'manifest-edit',
    corpus,
    run: (bytes) =>
      attempt(() => {
        const source = { file: 'fuzzed', offset: 0 }
        const decoded = decodeEdits(bytes, source)
        const again = decodeEdits(encodeEdits(decoded), source)
        must(JSON.stringify(again) === JSON.stringify(decoded), 'written again it is another')
        const problem = applyEdits(new DatabaseState(), decoded)
        return `ok ${problem?.replaceAll(/\d+/g, 'n') ?? ''}`
      }),
  }
}

function manifestFiles(kernel: Kernel, hash: Hash, corpus: readonly Uint8Array[]): Decoder {
  const first = corpus[0] ?? new Uint8Array(MANIFEST_HEADER_BYTES)
  return {
    name: 'manifest',
    corpus,
    sign(bytes) {
      if (bytes.byteLength < MANIFEST_HEADER_BYTES) return
      hash(bytes.subarray(0, 120), bytes, 120)
      signFrames(bytes, hash, 24, bytes.slice(64, 80), (frame, checked) => {
        checked.set(frame.subarray(8, 12), 24)
        checked.set(frame.subarray(16, 24), 28)
        return { length: 36, at: 12 }
      })
    },
    run: (bytes, mutator) =>
      attempt(() => {
        const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
        const has = bytes.byteLength >= MANIFEST_HEADER_BYTES + 24
        const length = has ? Math.ceil((24 + view.getUint32(136, true)) / 8) * 8 : 32
        const superblock = {
          generation: 1,
          databaseId: first.slice(16, 32),
          manifestId: Number(new DataView(first.buffer, first.byteOffset).getBigUint64(32, true)),
          epoch: Number(new DataView(first.buffer, first.byteOffset).getBigUint64(40, true)),
          manifestLength: MANIFEST_HEADER_BYTES + length,
          manifestChain: has ? bytes.slice(128, 136) : new Uint8Array(8),
          cleanClose: false,
        }
        const bootId = mutator.chance(0.5) ? first.slice(48, 64) : new Uint8Array(16)
        const found = readManifest(new MemoryFile(bytes), kernel, superblock, bootId, 1_048_576)
        must(found.length <= bytes.byteLength, 'it ends behind its end')
        return `ok ${found.cut?.reason ?? ''}`
      }),
  }
}

function superblocks(kernel: Kernel, hash: Hash, corpus: readonly Uint8Array[]): Decoder {
  const sign = (bytes: Uint8Array): void => {
    if (bytes.byteLength !== 128) return
    hash(bytes.subarray(0, 120), bytes, 120)
    bytes[120] = (bytes[120] as number) ^ 'a'.charCodeAt(0)
  }
  const signed = corpus.map((bytes) => bytes.slice())
  for (const bytes of signed) sign(bytes)
  return {
    name: 'superblock',
    corpus: signed,
    sign,
    run: (bytes) =>
      attempt(() => {
        const decoded = decodeSuperblock(kernel, bytes, 'a')
        if (typeof decoded === 'string') return decoded
        must(
          Buffer.compare(encodeSuperblock(kernel, decoded, 'a'), bytes) === 0,
          'written again it is another',
        )
        return 'ok'
      }),
  }
}

// ── helpers ────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** As many bytes as a reader of a fixed structure reads. */
function fixed(bytes: Uint8Array, length: number): Uint8Array {
  const exact = new Uint8Array(length)
  exact.set(bytes.subarray(0, length))
  return exact
}

function mixed(
  { exports, u8, input, slot }: Kernel,
  bytes: Uint8Array,
  kind: number,
  salt: number,
  offset: number,
  target: Uint8Array,
  at: number,
): void {
  u8.set(bytes, input)
  exports.mixedChecksum(input, bytes.byteLength, kind, salt, offset, slot + SLOT_CHECKSUM)
  target.set(u8.subarray(slot + SLOT_CHECKSUM, slot + SLOT_CHECKSUM + 8), at)
}
