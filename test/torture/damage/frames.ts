/** Where the frames of a journal or the edits of a manifest end, read after docs/journal-format.md and docs/manifest-format.md. */

const headerBytes = 128
const frameHeaderBytes = { wal: 40, man: 24 }

/** Offsets at which the file ends behind its header or behind a whole frame. INVARIANT: the file is undamaged. */
export function frameEnds(bytes: Uint8Array, kind: 'wal' | 'man'): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const ends: number[] = []
  for (let at = headerBytes; at <= bytes.byteLength;) {
    ends.push(at)
    if (at === bytes.byteLength) break
    const length = frameHeaderBytes[kind] + view.getUint32(at + 8, true)
    at += length + ((8 - (length % 8)) % 8)
  }
  return ends
}
