/** Another text in the place of one of the engine's, in a bundle made for a run. */
export interface Patch {
  /** Path from the root of the repository. */
  readonly file: string
  /** Must be there exactly once. */
  readonly find: string
  readonly replace: string
}

/** Tables of a block or two and levels of a few tables, on the keeper's thread as well: some kilobytes of data go through everything. */
export const SMALL_LEVELS: readonly Patch[] = [
  { file: 'src/compaction/leveled.ts', find: 'tableBytes: 16_777_216,', replace: 'tableBytes: 16_384,' },
  { file: 'src/compaction/leveled.ts', find: 'baseBytes: 268_435_456,', replace: 'baseBytes: 65_536,' },
  { file: 'src/compaction/leveled.ts', find: 'ratio: 10,', replace: 'ratio: 3,' },
  { file: 'src/compaction/leveled.ts', find: 'flushedRunsTrigger: 4,', replace: 'flushedRunsTrigger: 2,' },
]

/** The text with its patches. @throws if one does not fit exactly once */
export function patched(text: string, file: string, patches: readonly Patch[]): string {
  let result = text
  for (const { find, replace } of patches) {
    const parts = result.split(find)
    if (parts.length !== 2)
      throw new Error(`${file} has the text of a patch ${parts.length - 1} times, not once: ${find}`)
    result = parts.join(replace)
  }
  return result
}
