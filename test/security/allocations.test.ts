import ts from 'typescript'
import { expect, it } from 'vitest'
import { calleeOf, findAll } from './syntax.ts'

/** Where memory is asked for by a size that is not a constant, and what bounds that size. */
const BOUNDS: Readonly<Record<string, string>> = {
  // ── sizes that a file says ──
  'src/engine/large-value.ts: unfilledBytes(Math.min(valueLength, storedBytes))': 'what the file has of it',
  'src/engine/large-value.ts: unfilledBytes( Math.min(valueLength, Math.max(2 * value.byteLength, filled + extent.byteLength)), )':
    'twice what was read and checked',
  'src/engine/large-value.ts: Array.from({ length: count }, () => this.varint())': 'the bytes of the list',
  'src/table/block-reads.ts: new Uint8Array(sizeBytes)':
    'BLOCK_MAX_BYTES, checked in the index block; of the extents of a value, what the file has',
  'src/table/open.ts: new Uint8Array(length)': 'PAGE_BYTES, of properties; else constants',
  'src/table/block-entries.ts: new Uint8Array(shared + restLength)': 'KEY_MAX_BYTES: the block was walked',
  'src/table/table-record.ts: kernel.record(4 * blocks)':
    'PAGE_BYTES: FILTER_MAX_LINES, checked in the properties',
  'src/table/table-record.ts: kernel.record(bitmapBytes)': 'PAGE_BYTES: walkedBytes',
  'src/table/table-record.ts: kernel.record(key.byteLength)': 'KEY_MAX_BYTES, checked in the manifest',
  'src/version/manifest-reader.ts: new Uint8Array(size)': 'MANIFEST_MAX_BYTES, and what the file has',
  'src/archive/import.ts: new Uint8Array(sizeBytes)': 'SUPERBLOCK_MAX_BYTES',
  'src/journal/reader.ts: memoryFor(length)': 'memoryLimit, and what the file has',
  'src/salvage/journal-remains.ts: memoryFor(length)': 'memoryLimit, and what the file has',
  'src/journal/zeroed-room.ts: memoryFor(Math.min(roomEnd - length, ROOM_BYTES + TEAR_BYTES))': 'constants',
  'src/journal/frame.ts: new Uint8Array(length)': 'HEADER_MAX_BYTES, a chain',
  'src/salvage/table-remains.ts: new Uint8Array(length)': 'constants: header, salt, magic',
  // ── sizes of what is in memory ──
  'src/archive/export.ts: new Uint8Array(at + length === sizeBytes ? padded : length)': 'PIECE_BYTES',
  'src/kernel/load.ts: new Uint8Array(text.length / 2)': 'the kernel in the package',
  'src/remote/session.ts: new Uint8Array(bytes)': 'a copy',
  'src/remote/warm.ts: new Uint8Array(from.size())': 'a file in memory of 2,000 small entries',
  'src/remote/arena.ts: new Uint8Array(length)': 'what the caller gave, or a value',
  'src/remote/column.ts: new Uint8Array(this.#room(length))': 'twice what was added',
  'src/remote/column.ts: new Uint32Array(Math.max(FIRST_ENTRIES, this.#count * 2))': 'twice what was added',
  'src/api/async-reads.ts: new Uint8Array(key)': 'a copy',
  'src/api/encoding.ts: new Uint8Array(bytes)': 'a copy',
  'src/api/encoding.ts: new Uint8Array(value)': 'a copy',
  'src/api/range.ts: new Uint8Array(content)': 'a copy',
  'src/api/result-pool.ts: unfilledBytes(length)': 'a value in linear memory',
  'src/api/slice.ts: new Uint8Array(this.#length)': 'a value in linear memory',
  'src/bytes.ts: new Uint8Array(length)':
    'constants, and what those ask for who call unfilledBytes or memoryFor',
  'src/bytes.ts: Buffer.allocUnsafeSlow(length)': 'what those ask for who call unfilledBytes',
  'src/compaction/leveled.ts: Array.from({ length: LAST_LEVEL + 1 }, (_, level) =>': 'a constant',
  'src/engine/key-span.ts: new Uint8Array(bound.key.byteLength + 1)': 'a copy',
  'src/engine/large-value.ts: unfilledBytes(length)': 'a value in linear memory',
  'src/engine/record.ts: new Uint8Array(Math.max(needed, this.bytes.byteLength * 2))': 'what the caller gave',
  'src/engine/version-record.ts: kernel.record(sizeBytes)':
    'runs and tables of a Version; more than a page is NO_MEMORY',
  'src/workers/file-mailbox.ts: new Int32Array(buffer)': 'a view',
  'src/workers/file-mailbox.ts: new Float64Array(buffer)': 'a view',
  'src/fs/opfs-pool.ts: Array.from({ length: missing }, (_, i) => this.#nextIndex + i)': 'READY_SLOTS_MAX',
  'src/fs/memory.ts: new Uint8Array(Math.max(neededBytes, 2 * this.bytes.byteLength, 1024))':
    'what was written',
  'src/table/entry-stream.ts: this.#kernel.record(sizeBytes)': 'KEY_MAX_BYTES; CUTS_MAX keys',
  'src/version/fields.ts: new Uint8Array(Math.max(needed, 2 * this.#bytes.byteLength))': 'what is written',
  'src/version/manifest-frame.ts: new Uint8Array(frameBytesOf(payload.byteLength))': 'what is written',
  'src/version/manifest.ts: new Uint8Array(MANIFEST_HEADER_BYTES + frame.byteLength)': 'what is written',
  'src/version/snapshot-registry.ts: new Float64Array(this.#scan())': 'the snapshots there are',
}

/** Calls that take memory of a size that is an argument. */
const TAKES =
  /^(Array|Array\.from|U?int(8|16|32)Array|Float(32|64)Array|Big(U?i|I)nt64Array|(Shared)?ArrayBuffer|Buffer\.alloc(Unsafe(Slow)?)?|unfilledBytes|memoryFor|.*kernel\.record)$/i

// A new place fails this test until somebody has thought about what bounds its size.
it('memory of a size that is not a constant is asked for in known places, each with its bound', () => {
  const found = findAll('src', (node) => {
    if (!TAKES.test(calleeOf(node))) return false
    const [size] = (node as ts.CallExpression | ts.NewExpression).arguments ?? []
    return size !== undefined && !isConstant(size) && !isView(size)
  })
  const places = found.map(({ file, text }) => `${file}: ${text}`)
  const known = Object.keys(BOUNDS)
  const isKnown = (place: string): boolean => known.some((each) => place.startsWith(each))
  expect(places.filter((place) => !isKnown(place))).toEqual([])
  expect(known.filter((each) => !places.some((place) => place.startsWith(each)))).toEqual([])
})

/** Numbers, and names that are written like those of constants. */
function isConstant(size: ts.Expression): boolean {
  if (ts.isBinaryExpression(size)) return isConstant(size.left) && isConstant(size.right)
  if (ts.isNumericLiteral(size)) return true
  if (!ts.isIdentifier(size)) return false
  if (/^[A-Z][A-Z0-9_]*$/.test(size.text)) return true
  const declared = (node: ts.Node): boolean =>
    ts.isVariableDeclaration(node) &&
    node.name.getText() === size.text &&
    node.initializer !== undefined &&
    isConstant(node.initializer)
  let isDeclared = false
  const visit = (node: ts.Node): void => {
    isDeclared ||= declared(node)
    ts.forEachChild(node, visit)
  }
  visit(size.getSourceFile())
  return isDeclared
}

/** A view of a buffer takes no memory; what is made of a list takes as much as the list. */
function isView(size: ts.Expression): boolean {
  if (ts.isNewExpression(size) || /(\.buffer|\.#slab|\bmemory)$/.test(size.getText())) return true
  return calleeOf(size.parent) === 'Array.from' && !ts.isObjectLiteralExpression(size)
}
