/**
 * The kernel's export table as TypeScript sees it (assembly/index.ts is the other side; test/kernel/exports.test.ts
 * compares the two). Arguments and results are numbers; pointers come back signed and are read `>>> 0`.
 * `slot` is the calling thread's slot; results beyond the status go to its SLOT_ words.
 * No function throws; a trap is a bug.
 */
export interface KernelExports {
  // ── memory ────────────────────────────────────────────────────────────────────────────────────────────
  /** Sets up the control block of a zeroed memory of `pages` pages of 128 KiB. Once per memory. */
  initialise(pages: number, seedLow: number, seedHigh: number): void
  /** Makes the secret with which keys are hashed of the 16 bytes at `source`. INVARIANT: before the first key is. */
  setKeySecret(source: number): void
  /** Gives slot `index` its input and merge pages. @returns the slot's address, or 0 without pages. */
  attachSlot(index: number): number
  /** Takes a slot for a thread. @returns its index, or SLOT_COUNT if there is none */
  takeSlot(): number
  /** Gives a slot back with the pages its thread has for itself. INVARIANT: that makes no more calls. */
  giveSlot(index: number): void
  /** Begins a read: what shared pointers that are loaded from now on lead to stays until `leaveRead`. Not nested. */
  enterRead(slot: number): void
  leaveRead(slot: number): void
  /** @returns a tag for what was replaced before this call: `isRead` says whether a thread may still read it. */
  retire(): number
  isRead(tag: number): number
  /** A page (content undefined), or 0. */
  allocatePage(): number
  /** The same, for the thread that has slot `index` alone: it goes with the slot. */
  allocateOwnPage(index: number): number
  freePage(page: number): void
  /**
   * Sees to it that `count` pages are paid for the write groups that come, which nobody else gets, and at least `left` stay free. INVARIANT: the caller holds the
   * journal lock. @returns whether there were enough; else nothing is changed
   */
  payPages(count: number, left: number): number
  /** Gives back what was paid beyond `count` pages. INVARIANT: as payPages. */
  repayPages(count: number): void
  /** A zeroed record of at least `bytes` ≤ PAGE_BYTES, aligned to 64; or 0. */
  allocateRecord(bytes: number): number
  /** `bytes`: as it was allocated. */
  freeRecord(record: number, bytes: number): void
  /** A chain of pages for a value of `length` bytes, lengths and links set, data undefined; 0 without pages (then nothing is kept). */
  allocateChain(length: number): number
  freeChain(firstPage: number): void

  // ── checksum (XXH3-64, default secret) ────────────────────────────────────────────────────────────────────────
  /** XXH3-64 of [pointer, pointer+length) as 8 little-endian bytes at `result`. */
  hash(pointer: number, length: number, result: number): void
  /** Streaming, in HASH_STATE_BYTES at `state` (of a slot: + SLOT_HASH_STATE). */
  hashBegin(state: number): void
  hashUpdate(state: number, pointer: number, length: number): void
  hashFinish(state: number, result: number): void

  // ── seqnos ────────────────────────────────────────────────────────────────────────────────────────────
  /** The next seqno that will be given out. */
  nextSeqno(): number
  /** Raises the next seqno to at least `seqno` (atomic max). */
  raiseNextSeqno(seqno: number): void
  visibleSeqno(): number
  /** Raises visibleSeqno to at least `seqno`. */
  publishSeqno(seqno: number): void

  // ── writing ───────────────────────────────────────────────────────────────────────────────────────────
  /** Takes `count` consecutive seqnos for the slot's write group: SLOT_GROUP_SEQNO .. SLOT_GROUP_END. */
  beginGroup(slot: number, count: number): void
  /** Replay: sets the slot's group to `count` seqnos from `base`, without touching the counter. */
  setGroup(slot: number, base: number, count: number): void
  /**
   * Inserts the encoded entries in [from, end) into `memtable`, each with the group's next seqno, as long as they
   * belong to `keyspace`. An entry whose seqno is < `flushedSeqno`, and every entry if `memtable` is 0, is
   * counted but not inserted. SLOT_POSITION says where it stopped.
   * @returns OK (end reached), FOREIGN (another keyspace's entry), LARGE (value ≥ INLINE_VALUE_LIMIT_BYTES: use applyLarge;
   * not consumed), MALFORMED, NO_PAGES (that entry and later ones were not inserted).
   */
  applyEntries(
    slot: number,
    memtable: number,
    from: number,
    end: number,
    keyspace: number,
    flushedSeqno: number,
  ): number
  /** Inserts one value held in a page chain (the memtable owns the chain from then on); takes the group's next seqno. */
  applyLarge(
    slot: number,
    memtable: number,
    key: number,
    keyLength: number,
    chain: number,
    valueLength: number,
  ): number
  /** Consumes the group's next seqno without inserting (an entry skipped by replay). */
  skipEntry(slot: number): void
  /** Makes the slot's group visible: visibleSeqno = SLOT_GROUP_END. */
  publishGroup(slot: number): void
  createMemtable(): number
  /** Frees all pages of the memtable, page chains included. INVARIANT: nobody reads it any more. */
  freeMemtable(memtable: number): void
  /**
   * Gives a memtable without one a hash index of `pages` pages (a power of two up to 16), which point reads use instead of the list.
   * @returns OK, or NO_PAGES: then it has none.
   */
  memtableIndex(memtable: number, pages: number): number

  // ── point reads ───────────────────────────────────────────────────────────────────────────────────────
  /**
   * Newest entry with seqno < S for a key, over the memtables and tables of a SuperVersion record. `seqno` = S, or 0 for the
   * latest (S = visibleSeqno, loaded here); S is left in SLOT_READ_SEQNO either way.
   * @returns FOUND (SLOT_POINTER, SLOT_LENGTH, SLOT_TYPE, SLOT_TABLE: the table record, 0 in a memtable; TYPE_EXTENT: the pointer is a page
   * chain, or in a table an extent list; all good until the slot's next pointRead), TOMBSTONE, ABSENT, or NEED_BLOCK (loadBlock what
   * SLOT_TABLE, SLOT_NUMBER, SLOT_LENGTH and SLOT_TYPE name, and call again).
   */
  pointRead(slot: number, superVersion: number, key: number, keyLength: number, seqno: number): number

  // ── estimates ─────────────────────────────────────────────────────────────────────────────────────────
  /** About how many entries of a memtable lie before a key. */
  memtableRank(memtable: number, key: number, keyLength: number): number
  /**
   * Where in a table's file a key would be: SLOT_NUMBER = offset of the data block, or of the root index behind all of them.
   * @returns OK or NEED_BLOCK (as pointRead)
   */
  tablePosition(slot: number, table: number, key: number, keyLength: number): number

  // ── block cache ───────────────────────────────────────────────────────────────────────────────────────
  /** Sets up the cache: at most `limitPages`, of which `floorPages` stay when others need memory. Once. @returns whether there were pages for it */
  cacheCreate(limitPages: number, floorPages: number): number
  /** Gives up to `count` pages back to the pool, down to the floor. @returns how many */
  cacheShrink(count: number): number
  /**
   * Checks the block at [block, block + size) as it lies at `offset` of a table's file (checkBlock), and puts it where reads find it: with
   * `keep` ≠ 0 (root index and filter only) beside the table record, else into the cache. `target`: a page for decompressing.
   * @returns OK, CHECKSUM, MALFORMED, UNKNOWN_FORMAT, or NO_PAGES (every page of the cache is in use).
   */
  loadBlock(
    slot: number,
    table: number,
    block: number,
    size: number,
    kind: number,
    offset: number,
    keep: number,
    target: number,
  ): number
  /** Frees what loadBlock kept beside a table record. INVARIANT: nobody reads the table any more. */
  releaseTable(table: number): void

  // ── blocks (docs/table-format.md) ─────────────────────────────────────────────────────────────────────
  /**
   * Checks a whole block as it lies in the file, [block, block+size): header, checksum (mixed with salt, offset and
   * kind), then for data and index blocks a walk over every entry. SLOT_POINTER/SLOT_LENGTH: the raw payload, in the block or, if it is
   * compressed, in the page `target`, which need not be there (0) for kinds that never are: all but data, index and extent.
   * @returns OK, CHECKSUM, MALFORMED or UNKNOWN_FORMAT.
   */
  checkBlock(
    slot: number,
    block: number,
    size: number,
    kind: number,
    salt: number,
    offset: number,
    target: number,
  ): number
  /** The 8 mixed-checksum bytes of [pointer, pointer+length) as `kind` at `offset`, written at `result` (headers and footers). */
  mixedChecksum(
    pointer: number,
    length: number,
    kind: number,
    salt: number,
    offset: number,
    result: number,
  ): void
  /**
   * Point read in a data block's payload at SLOT_READ_SEQNO. @returns FOUND (as pointRead; TYPE_EXTENT: the value is
   * an extent list), TOMBSTONE or ABSENT.
   */
  blockGet(slot: number, payload: number, length: number, key: number, keyLength: number): number
  /**
   * First index entry at or after a bound. `bound`: BOUND_BEFORE (before every version of the key), BOUND_AFTER (after every
   * version), BOUND_READ (at SLOT_READ_SEQNO). FOUND: SLOT_NUMBER = block offset, SLOT_LENGTH = block size,
   * SLOT_POSITION = ordinal of the entry in its block. ABSENT past the end.
   */
  indexSeek(
    slot: number,
    payload: number,
    length: number,
    key: number,
    keyLength: number,
    bound: number,
  ): number
  /** The index entry with that ordinal; results as indexSeek. ABSENT if there is none. */
  indexEntry(slot: number, payload: number, length: number, ordinal: number): number
  /** Number of entries of an index (or data) block. */
  blockEntries(payload: number, length: number): number

  // ── merging ranges ────────────────────────────────────────────────────────────────────────────────────
  /**
   * Starts a merge at S = `seqno` (0: latest, loaded here) over the memtables and tables of a SuperVersion, positioned at the bound; S is
   * left in SLOT_READ_SEQNO. Forward merges start at the first entry ≥ (key, bound), reverse ones at the last entry < (key, bound);
   * `bound`: BOUND_BEFORE or BOUND_AFTER. Without a key (keyLength = -1) it starts at the very first (reverse: last) entry.
   * `continues` ≠ 0: a scan goes on, which is no use of the block it comes back to.
   * INVARIANT: the key stays where it is, and the SuperVersion with all it names is there, until mergeEnd, which follows before the slot's
   * next mergeBegin.
   * @returns OK, or NO_PAGES with too many sources (640, memtables included).
   */
  mergeBegin(
    slot: number,
    superVersion: number,
    seqno: number,
    reverse: number,
    key: number,
    keyLength: number,
    bound: number,
    continues: number,
  ): number
  /** Lets go of all blocks of the slot's merge. */
  mergeEnd(slot: number): void
  /**
   * Continues the merge and appends chunk entries to the chunk: newest visible version per user key, no tombstones. Stops at the end key
   * ([endKey, +endLength), endLength -1 = none; `endBound` as in mergeBegin: forward up to entries < (endKey, endBound), reverse down to
   * entries ≥ it), at `limit` entries or when the chunk is full. `keysOnly` ≠ 0 leaves values out. An entry of TYPE_EXTENT
   * (not with keysOnly) ends the chunk; in reverse it may come from a block of its source before the one given last.
   * `chunk` is a whole page; `capacity` is what the entries should fit into, and only a chunk's first entry may exceed it. The merge keeps
   * notes behind the entries.
   * SLOT_LENGTH: bytes in the chunk so far, SLOT_COUNT_RESULT: entries; SLOT_POSITION: start of the last entry (offset in the chunk); SLOT_PASSED,
   * forwards: entries passed before the first one.
   * INVARIANT: mergeFill after NEED_BLOCK continues the same chunk with the same capacity, limit and keysOnly, its bytes untouched; after
   * FULL or DONE it starts a new one. DONE at an end key may be followed by a fill with an end further on.
   * @returns DONE, FULL (chunk, limit or large value) or NEED_BLOCK (as pointRead).
   */
  mergeFill(
    slot: number,
    chunk: number,
    capacity: number,
    limit: number,
    keysOnly: number,
    endKey: number,
    endLength: number,
    endBound: number,
  ): number
  /**
   * After NEED_BLOCK: ends the chunk with the entries it has, if there are any, for a caller who has better to do than to wait. Results as mergeFill's, but for
   * SLOT_LENGTH; mergeEnd follows. @returns the number of entries; 0: nothing was changed
   */
  mergeCut(slot: number): number
  /**
   * After NEED_BLOCK with an empty chunk: the user key that the merge has come to, SLOT_POINTER and SLOT_LENGTH in the chunk's page. Forwards another merge may go on behind it,
   * backwards at it (BOUND_AFTER, both). mergeEnd follows. @returns 0 if there is none: then it has to begin where this one did
   */
  mergeKey(slot: number): number

  // ── what a flush or a compaction writes ───────────────────────────────────────────────────────────────
  /** An entry stream: sources merged in order of internal keys, less what may be dropped (docs/compaction.md). 0 without a page. */
  streamCreate(): number
  streamFree(stream: number): void
  /** Adds a memtable, of at most SUPERVERSION_MAX_MEMTABLES, before any run. */
  streamMemtable(stream: number, memtable: number): void
  /** Adds a run of tables, whose data blocks are then asked for one after another. @returns its number, or -1 without a page or above 64 sources */
  streamRun(stream: number): number
  /**
   * Says what may be dropped, before the first entry: `members` seqnos lie at STREAM_MEMBERS, the live snapshots below B and then B, ascending;
   * without any nothing is dropped. `older`: a Version record of the tables that may hold older entries than the sources, 0 without any.
   * `cuts`: a record of keys at which tables end (assembly/compact/cuts.ts), 0 without any. Both must stay there.
   */
  streamRules(stream: number, members: number, older: number, cuts: number): void
  /** Leaves out, besides, all entries with user keys from [from, +fromLength) on and below [to, +toLength); length -1: without that end. */
  streamExclude(stream: number, from: number, fromLength: number, to: number, toLength: number): void
  /**
   * Gives the run source `number` its next data block, which lies at [block, block + size) as it was read from `offset` of `table`'s file.
   * @returns as checkBlock; SLOT_COUNT_RESULT: its entries
   */
  streamBlock(
    slot: number,
    stream: number,
    number: number,
    table: number,
    block: number,
    size: number,
    offset: number,
  ): number
  /**
   * Passes up to `maxEntries` entries of a stream, counting them at STREAM_TOMBSTONES, … With `table` (one source, this table) every user key is
   * looked for in its filter, and every extent list is shown once.
   * @returns OK, DONE, NEED_BLOCK (data, as builderFeed, or filter: loadBlock) and MALFORMED as builderFeed; LARGE: an extent list at SLOT_POINTER/LENGTH, call
   * again to go on; ABSENT: the filter lacks the key at SLOT_POINTER/LENGTH; FOREIGN: of that key, source
   * SLOT_POSITION holds an entry that is older than one in a later source.
   */
  streamInspect(slot: number, stream: number, table: number, maxEntries: number): number
  /** Tells the run source `number` that there is no next block. */
  streamRunEnd(stream: number, number: number): void

  // ── building tables ───────────────────────────────────────────────────────────────────────────────────
  /**
   * A builder (in pages of its own) for one table file: blocks come out in an output page. `salt`: address of the table's record, which begins with it.
   * 0 without pages. The file header is TypeScript's; the first block lies at `offset`. `bitsPerKey`: of the table's filter, 1 to 40; 0: no filter.
   * `compression`: COMPRESSION_LZ4 compresses data, index and extent blocks where that pays (one page more), COMPRESSION_NONE none. The table ends
   * with the user key with which it reaches `targetBytes`.
   */
  builderCreate(
    blockBytes: number,
    restartInterval: number,
    indexBlockBytes: number,
    salt: number,
    offset: number,
    bitsPerKey: number,
    compression: number,
    targetBytes: number,
  ): number
  builderFree(builder: number): void
  /**
   * Adds entries of a stream until `maxEntries` were added (a slice of work), the stream ends, or something is wanted:
   * FULL: write [SLOT_POINTER, +SLOT_LENGTH) at the file's end, call builderWritten, call again. OK: slice done. DONE: the stream ended.
   * NO_PAGES: the table is full (targetBytes, a cut, its root index, or the hashes for its filter): finish it and feed the next one.
   * NEED_BLOCK, SLOT_TYPE = BLOCK_DATA: the run source SLOT_POSITION wants its next block (streamBlock or streamRunEnd), then again. NEED_BLOCK,
   * SLOT_TYPE = BLOCK_EXTENT: builderExtent with the block that SLOT_TABLE, SLOT_NUMBER and SLOT_LENGTH name, then again.
   * MALFORMED: the entries of a source do not ascend.
   */
  builderFeed(slot: number, builder: number, stream: number, maxEntries: number): number
  /** Adds the next extent of the stream's current value, its raw payload at [payload, + length). FULL as above: call builderWritten, then again. */
  builderExtent(slot: number, builder: number, stream: number, payload: number, length: number): number
  builderWritten(builder: number): void
  /**
   * Ends the data: last data block, index blocks, root index block, filter blocks. FULL as above (call builderWritten, then again); DONE: the last
   * output is at SLOT_POINTER/SLOT_LENGTH, builder statistics at BUILDER_… words.
   */
  builderFinish(slot: number, builder: number): number
  /** Appends a block of `kind` with the given raw payload (properties, …) to the output. FULL as above (not appended: call again). */
  builderAppend(slot: number, builder: number, kind: number, payload: number, length: number): number
}
