/**
 * The layout of linear memory, declared once for the kernel and for TypeScript (which imports this file).
 *
 *   0        1024          4096                     69632        131072 = page 1
 *   ├ unused ┼ control     ┼ thread slots (64 × 1 K)┼ secret, …  ┼ page pool: pages of 128 KiB … end
 *
 * What debug builds need for their messages begins at 73728 (memoryBase in asconfig.json), behind the secret; the owners of pages lie at the end of page 0.
 * Page 0 is never given out, so 0 is the null pointer everywhere. All integers are little-endian.
 * NOTE: only literals and sums, so that both compilers fold every constant.
 */

/** Size of a pool page; nothing in the engine needs more than one in a row. */
export const PAGE_BYTES: u32 = 131072
/** `pointer >>> PAGE_SHIFT` is the page's index. */
export const PAGE_SHIFT: u32 = 17

// ── control block ────────────────────────────────────────────────────────────────────────────────────────
export const CONTROL: u32 = 1024
/** u32: number of pages in this memory, page 0 included. */
export const CONTROL_PAGE_COUNT: u32 = CONTROL + 0
/** u32: index of the first page never given out; pages above it have never been touched (they read as zero). */
export const CONTROL_FRESH_PAGE: u32 = CONTROL + 4
/** u32: pages that can still be allocated (free list and fresh ones). */
export const CONTROL_FREE_PAGES: u32 = CONTROL + 8
/** u32: 0, or 1 when the database is poisoned. */
export const CONTROL_POISON: u32 = CONTROL + 12
/** u64: (tag << 32 | page index) of the free list's head; the tag changes with every pop (ABA). */
export const CONTROL_FREE_HEAD: u32 = CONTROL + 16
/** u64: the next seqno to give out. */
export const CONTROL_NEXT_SEQNO: u32 = CONTROL + 24
/** u64: every entry with a smaller seqno is visible. */
export const CONTROL_VISIBLE_SEQNO: u32 = CONTROL + 32
/** u64: per-database random seed (skiplist heights, hashes). */
export const CONTROL_SEED: u32 = CONTROL + 40
/** u64: chain (checksum) of the journal's last acknowledged frame. */
export const CONTROL_JOURNAL_CHAIN: u32 = CONTROL + 48
/** 16 bytes: salt of the current journal file. */
export const CONTROL_JOURNAL_SALT: u32 = CONTROL + 56
/** u32: memtables created so far; each gets a seed of its own. */
export const CONTROL_MEMTABLES: u32 = CONTROL + 72
/** u32: the number that the next table gets (TABLE_ORDINAL). */
export const CONTROL_TABLE_ORDINAL: u32 = CONTROL + 76
/** u64 × 8: (tag << 32 | pointer) of the heads of the free lists of records, one for each size class; 0 when empty. */
export const CONTROL_FREE_RECORDS: u32 = CONTROL + 128
/** Block cache, 576 bytes: below. */
export const CONTROL_CACHE: u32 = CONTROL + 192
/** Locks, each on a cache line of its own (src/sync); the lock of a version history lies in a record of its keyspace. */
export const LOCK_BYTES: u32 = 64
export const CONTROL_FLUSH_LOCK: u32 = CONTROL + 1024
export const CONTROL_COMPACTION_LOCK: u32 = CONTROL + 1088
export const CONTROL_MANIFEST_LOCK: u32 = CONTROL + 1152
export const CONTROL_JOURNAL_LOCK: u32 = CONTROL + 1216
/** u64: dropBarrier; a snapshot below it may have lost entries (src/version/snapshot-registry.ts). */
export const CONTROL_DROP_BARRIER: u32 = CONTROL + 1536
/** u32: the clock of reclamation: a thread that reads keeps it in SLOT_EPOCH, and what is retired is freed when no such thread is left. Never 0. */
export const CONTROL_EPOCH: u32 = CONTROL + 1600
/** u32: the record of the journal that is written, 0 without one (src/journal/shared-journal.ts). */
export const CONTROL_JOURNAL: u32 = CONTROL + 1604
/** u32: slot index + 1 of the thread whose write group is between its seqnos and its publication; 0 between groups. */
export const CONTROL_GROUP: u32 = CONTROL + 1608
/** u32: pages that were taken off CONTROL_FREE_PAGES for the next write groups; the holder of the journal lock takes them. */
export const CONTROL_PAID_PAGES: u32 = CONTROL + 1612
/** u32: bytes of root indexes, filters and fences kept beside their tables' records. */
export const CONTROL_KEPT_BYTES: u32 = CONTROL + 1616
/** u32: 1 when the database is closing and its threads make no more calls. */
export const CONTROL_SHUT: u32 = CONTROL + 1620
/** u32: 1 once a commit was made that nobody has been told of who hands on and syncs. */
export const CONTROL_UNSYNCED: u32 = CONTROL + 1632
/** u32: keyspaces that have SuperVersions for older reads only, and what was retired and waits for reads: 0 if nothing waits for the end of a read. */
export const CONTROL_HISTORIES: u32 = CONTROL + 1636
/** u32: 1 when the keeper's thread has ended without a word. */
export const CONTROL_ORPHANED: u32 = CONTROL + 1640
/** u32: slot index + 1 of the thread that is in fdatasync of a journal, 0 if none is. */
export const CONTROL_SYNC_TURN: u32 = CONTROL + 1644
/** u64: a bit for each slot that a thread has. */
export const CONTROL_SLOTS_TAKEN: u32 = CONTROL + 1624
/** u32: first area of registered snapshots; u32: slots ever taken in them; u32: slots taken now. */
export const CONTROL_SNAPSHOTS: u32 = CONTROL + 1544
export const CONTROL_SNAPSHOTS_USED: u32 = CONTROL + 1548
export const CONTROL_SNAPSHOTS_LIVE: u32 = CONTROL + 1552

// ── thread slots ─────────────────────────────────────────────────────────────────────────────────────────
export const SLOTS: u32 = 4096
export const SLOT_BYTES: u32 = 1024
export const SLOT_COUNT: u32 = 64
/** u32: pointer result of the last kernel call of this thread. */
export const SLOT_POINTER: u32 = 0
/** u32: length result. */
export const SLOT_LENGTH: u32 = 4
/** u32: type byte of the entry found (low 4 bits the type, high 4 bits flags). */
export const SLOT_TYPE: u32 = 8
/** u32: position result: where a scan of entries stopped, the position of an index entry, … */
export const SLOT_POSITION: u32 = 12
/** u32: NEED_BLOCK: the table record of the block that is needed. Its offset is SLOT_NUMBER, its size SLOT_LENGTH, its kind SLOT_TYPE. */
export const SLOT_TABLE: u32 = 16
/** u32: entries that the last mergeFill passed before the first one it handed out. */
export const SLOT_PASSED: u32 = 616
/** u32: number of entries handed out or applied by the last call. */
export const SLOT_COUNT_RESULT: u32 = 20
/** f64: a number that may pass 2^32: file offset, seqno. */
export const SLOT_NUMBER: u32 = 24
/** u64: the seqno S of the read in progress: entries with seqno < S are seen. */
export const SLOT_READ_SEQNO: u32 = 32
/** u64: seqno of the next entry of the write group in progress. */
export const SLOT_GROUP_SEQNO: u32 = 40
/** u64: end (exclusive) of the seqnos of the write group in progress. */
export const SLOT_GROUP_END: u32 = 48
/** u32: the thread's input page: a key at +0, a second key (a bound) at +INPUT_SECOND. */
export const SLOT_INPUT: u32 = 56
/** u32: the thread's merge page (state of the merge in progress). */
export const SLOT_MERGE: u32 = 60
/** 8 bytes: where one-shot checksums are put for TypeScript. */
export const SLOT_CHECKSUM: u32 = 64
/** Streaming XXH3-64 state (assembly/checksum/xxh3-stream.ts), 400 bytes. */
export const SLOT_HASH_STATE: u32 = 128
export const HASH_STATE_BYTES: u32 = 400
/** Block cursor (assembly/table/block-entry.ts) of the calls that look into one block, 80 bytes. */
export const SLOT_BLOCK_CURSOR: u32 = 528
/** u32: the cached block that the last point read pinned, so that its value can be copied out; 0 if none. */
export const SLOT_PINNED: u32 = 608
/** u32: the cached block that a read opened last, 0 if it lies elsewhere. */
export const SLOT_FRAME: u32 = 612
/** u32: what was loaded only so that the processor fetches its line; nobody reads it. */
export const SLOT_FETCHED: u32 = 616
/** u64 × 16 each: blocks of every kind found in the cache, and not found, by this thread. */
export const SLOT_CACHE_HITS: u32 = 640
export const SLOT_CACHE_MISSES: u32 = 768
/** u32: goes up with every message for this thread, which sleeps on it. */
export const SLOT_BELL: u32 = 896
/** u32: goes up whenever the monitor was asked by this thread whether it lives. */
export const SLOT_PULSE: u32 = 900
/** u32: CONTROL_EPOCH as it was when the read in progress began, 0 between reads. On a cache line of its own. */
export const SLOT_EPOCH: u32 = 960
/** Offset of the second key in the input page. */
export const INPUT_SECOND: u32 = 65536

// ── spare part of page 0 ─────────────────────────────────────────────────────────────────────────────────
/** The secret of XXH3, written by initialise, constant from then on. */
export const HASH_SECRET: u32 = 69632
export const SECRET_BYTES: u32 = 192
/** That of the database, with which keys are hashed: written before the first of them is. */
export const KEY_SECRET: u32 = 69824

/** u8 for each page: index + 1 of the slot whose thread has it for itself, 0 if it is everybody's. */
export const PAGE_OWNERS: u32 = 98304

// ── limits ───────────────────────────────────────────────────────────────────────────────────────────────
export const KEY_MAX_BYTES: u32 = 65535
/** Values of this size and more are kept apart: page chains in memtables, extents in tables. */
export const INLINE_VALUE_LIMIT_BYTES: u32 = 32768

// ── entry types: the low 4 bits of the type byte (docs/table-format.md) ──────────────────────────────────
export const TYPE_VALUE: u32 = 1
export const TYPE_TOMBSTONE: u32 = 2
export const TYPE_WEAK_TOMBSTONE: u32 = 3
export const TYPE_BLOB_POINTER: u32 = 4
/** In a table: the value part is a list of extents. In a memtable: the value is a page chain. */
export const TYPE_EXTENT: u32 = 5
export const TYPE_MERGE_OPERAND: u32 = 6
export const TYPE_RANGE_TOMBSTONE: u32 = 7
export const TYPE_MASK: u32 = 15

// ── page chain: a value of INLINE_VALUE_LIMIT_BYTES or more in a memtable ────────────────────────────────
//   page: u32 next page (0 at the end) | u32 data length in this page | u32 next chain of the memtable | u32 zero | data …
export const CHAIN_NEXT: u32 = 0
export const CHAIN_LENGTH: u32 = 4
/** In the first page of a chain that a memtable owns: its next chain; 0 otherwise. */
export const CHAIN_SIBLING: u32 = 8
export const CHAIN_DATA: u32 = 16
/** Data bytes in a full chain page; a chain page becomes one extent block, whose frame must fit a page too. */
export const CHAIN_CAPACITY: u32 = 131008

// ── memtable header (docs/architecture.md) ───────────────────────────────────────────────────────────────
/** u32: bytes of all pages the memtable holds, page chains included. */
export const MEMTABLE_PAGE_BYTES: u32 = 0
/** u32: bytes accounted to entries: node, key, value. */
export const MEMTABLE_ENTRY_BYTES: u32 = 4
/** u32: number of entries. */
export const MEMTABLE_ENTRIES: u32 = 8
/** u64: highest seqno inserted (atomic max). */
export const MEMTABLE_HIGHEST_SEQNO: u32 = 16
/** u64: lowest seqno inserted; 2^64-1 when empty. */
export const MEMTABLE_LOWEST_SEQNO: u32 = 24
/** u32: the keyspace's gap, 0 without one. */
export const MEMTABLE_GAP: u32 = 56
/** u32: 1 once a hash index was asked for. */
export const MEMTABLE_INDEX_ASKED: u32 = 60
/**
 * An entry takes its key, its value and at most this much more. Keys (with this) and values fill pages of their own, each with
 * MEMTABLE_PAGE_CAPACITY bytes, of which less than one entry is left over: n bytes of at most m each take at most
 * n / (MEMTABLE_PAGE_CAPACITY - m) + 1 pages.
 */
export const MEMTABLE_ENTRY_OVERHEAD_BYTES: u32 = 75
export const MEMTABLE_PAGE_CAPACITY: u32 = 131040

// ── gap of a keyspace: keys between which there are only deleted entries (assembly/memtable/gap.ts) ────────────────
//   u32 1 if there is one | u32 length of from | u32 length of to, NO_LENGTH: to the last key | u32 zero | f64 S from which on it holds
//   | from, up to GAP_KEY_MAX_BYTES | to, excluded, as long
export const GAP_KNOWN: u32 = 0
export const GAP_FROM_LENGTH: u32 = 4
export const GAP_TO_LENGTH: u32 = 8
export const GAP_SEQNO: u32 = 16
export const GAP_KEY_MAX_BYTES: u32 = 1024
export const GAP_FROM: u32 = 24
export const GAP_TO: u32 = GAP_FROM + GAP_KEY_MAX_BYTES
export const GAP_BYTES: u32 = GAP_TO + GAP_KEY_MAX_BYTES
/** A length that means: no key. */
export const NO_LENGTH: u32 = 0xffffffff

// ── tree record: a keyspace, as every thread finds it. It serves one keyspace after another, and nothing else ─────
/** u32: the latest SuperVersion. */
export const TREE_SUPERVERSION: u32 = 0
/** u32: id + 1 of the keyspace; 0 once it is dropped. */
export const TREE_MARK: u32 = 4
/** u32: its gap, 0 without one. */
export const TREE_GAP: u32 = 8
export const TREE_BYTES: u32 = 64

// ── SuperVersion record: what reads go through from a seqno on; immutable but for SUPERVERSION_OLDER ───────────
//   u32 memtables | u32 Version | f64 seqno | u32 the next older SuperVersion | u32 1 if the first memtable takes writes | u32 × 14 memtables, newest first
export const SUPERVERSION_COUNT: u32 = 0
/** u32: Version record, 0 without tables. */
export const SUPERVERSION_VERSION: u32 = 4
export const SUPERVERSION_SEQNO: u32 = 8
export const SUPERVERSION_OLDER: u32 = 16
export const SUPERVERSION_ACTIVE: u32 = 20
export const SUPERVERSION_MEMTABLES: u32 = 24
export const SUPERVERSION_MAX_MEMTABLES: u32 = 14
export const SUPERVERSION_BYTES: u32 = 80

// ── Version record: the tables of a keyspace, run after run, newest run first ────────────────────────────
//   u32 runs | u32 tables | u32 × runs: where the run ends in the list of tables | u32 × tables: table records, ascending in a run
export const VERSION_RUNS: u32 = 0
export const VERSION_TABLES: u32 = 4
export const VERSION_RUN_ENDS: u32 = 8

// ── table record: an open table, as the kernel sees it ───────────────────────────────────────────────────
/** 16 bytes: the file's salt. */
export const TABLE_SALT: u32 = 0
/** f64 offset, u32 size: the root index block. */
export const TABLE_ROOT_OFFSET: u32 = 16
export const TABLE_ROOT_SIZE: u32 = 24
/** u32: names the table in the block cache; never given twice. */
export const TABLE_ORDINAL: u32 = 28
/** f64 offset of the first filter block; u32 lines of the filter, 0 without one; u32 probes in a line. */
export const TABLE_FILTER_OFFSET: u32 = 32
export const TABLE_FILTER_LINES: u32 = 40
export const TABLE_FILTER_PROBES: u32 = 44
/** u64: lowest seqno in the table. */
export const TABLE_LOWEST_SEQNO: u32 = 48
/** u32 pointer and length: smallest and largest user key. */
export const TABLE_SMALLEST: u32 = 56
export const TABLE_SMALLEST_LENGTH: u32 = 60
export const TABLE_LARGEST: u32 = 64
export const TABLE_LARGEST_LENGTH: u32 = 68
/** u32 pointer and length: the payload of the root index where it stays in memory, 0 if it does not. */
export const TABLE_ROOT: u32 = 72
export const TABLE_ROOT_LENGTH: u32 = 76
/** u32: a record with one u32 for each filter block: its payload where it stays in memory, or 0. 0 without a filter. */
export const TABLE_FILTERS: u32 = 80
/** u32: a bitmap over the file's 4 KiB pieces, set where a block of at least 4 KiB begins that was walked; 0 without one. */
export const TABLE_CHECKED: u32 = 84
/** u32: its bytes. */
export const TABLE_CHECKED_BYTES: u32 = 88
/** i32: descriptor of the open file, by which every thread reads it. */
export const TABLE_DESCRIPTOR: u32 = 92
/** f64: id of the file; f64: its size. */
export const TABLE_FILE_ID: u32 = 96
export const TABLE_SIZE: u32 = 104
/** u64: a bit for each slot whose thread has asynchronous reads of the file under way: until there are none it stays open (src/kernel/file-users.ts). */
export const TABLE_USERS: u32 = 112
/** u32: bytes of its root index, filter and fences that are kept in memory. */
export const TABLE_KEPT: u32 = 120
/** u32: the fences of its root index (assembly/table/fences.ts), 0 without. */
export const TABLE_FENCES: u32 = 124
/** Short keys lie here. */
export const TABLE_INLINE_KEYS: u32 = 128
export const TABLE_BYTES: u32 = 256
/** Lines of a filter block; the last one may have fewer. */
export const FILTER_BLOCK_LINES: u32 = 512
export const FILTER_LINE_BYTES: u32 = 64

// ── encoded write entry (journal payload, batches; docs/journal-format.md) ───────────────────────────────
//   u32 value length | u16 key length | u8 type | u8 zero | u32 keyspace id | key | value
export const ENTRY_VALUE_LENGTH: u32 = 0
export const ENTRY_KEY_LENGTH: u32 = 4
export const ENTRY_TYPE: u32 = 6
export const ENTRY_KEYSPACE: u32 = 8
export const ENTRY_HEADER_BYTES: u32 = 12

// ── chunk entry: what a range hands out ──────────────────────────────────────────────────────────────────
//   u32 value length | u16 key length | u8 type byte | u8 zero | key | value | zero padding to a multiple of 4
export const CHUNK_VALUE_LENGTH: u32 = 0
export const CHUNK_KEY_LENGTH: u32 = 4
export const CHUNK_TYPE: u32 = 6
export const CHUNK_ENTRY_HEADER_BYTES: u32 = 8
//   The value of a TYPE_EXTENT entry lies elsewhere. In its place (unless keysOnly: then there is nothing):
//   u32 page chain in a memtable, or 0 | u32 length of the value | u32 table record, or 0 | of a table: its extent list
export const CHUNK_EXTENT_CHAIN: u32 = 0
export const CHUNK_EXTENT_LENGTH: u32 = 4
export const CHUNK_EXTENT_TABLE: u32 = 8
export const CHUNK_EXTENT_LIST: u32 = 12

// ── status codes of kernel calls ─────────────────────────────────────────────────────────────────────────
export const STATUS_OK: u32 = 0
export const STATUS_FOUND: u32 = 1
export const STATUS_TOMBSTONE: u32 = 2
export const STATUS_ABSENT: u32 = 3
/** No page left; nothing was changed. */
export const STATUS_NO_PAGES: u32 = 4
/** A length or type does not add up: the bytes are not what their checksum promised, or hostile. */
export const STATUS_MALFORMED: u32 = 5
export const STATUS_CHECKSUM: u32 = 6
/** applyEntries: the entry at SLOT_POSITION belongs to another keyspace. */
export const STATUS_FOREIGN: u32 = 7
/** The block that SLOT_TABLE, SLOT_NUMBER, SLOT_LENGTH and SLOT_TYPE name must be loaded; then the call is made again. */
export const STATUS_NEED_BLOCK: u32 = 8
/** The chunk or output page is full. */
export const STATUS_FULL: u32 = 9
/** Nothing more. */
export const STATUS_DONE: u32 = 10
/** An unknown required kind, flag or version. */
export const STATUS_UNKNOWN_FORMAT: u32 = 11
/** applyEntries: the entry at SLOT_POSITION has a value that must be put into a page chain first. */
export const STATUS_LARGE: u32 = 12

// ── where a seek stands among the versions of its key ────────────────────────────────────────────────────
export const BOUND_BEFORE: u32 = 0
export const BOUND_AFTER: u32 = 1
export const BOUND_READ: u32 = 2

// ── block kinds (docs/table-format.md) ───────────────────────────────────────────────────────────────────
export const BLOCK_DATA: u32 = 1
export const BLOCK_INDEX: u32 = 2
export const BLOCK_ROOT_INDEX: u32 = 3
export const BLOCK_FILTER: u32 = 4
export const BLOCK_PROPERTIES: u32 = 5
export const BLOCK_RANGE_TOMBSTONES: u32 = 6
export const BLOCK_LINKED_BLOBS: u32 = 7
export const BLOCK_EXTENT: u32 = 8
/** Kinds that are not blocks but have a mixed checksum: the file header and the footer. */
export const KIND_FILE_HEADER: u32 = 16
export const KIND_FOOTER: u32 = 17
export const BLOCK_HEADER_BYTES: u32 = 16
export const BLOCK_TRAILER_BYTES: u32 = 8
/** A whole block, header and checksum included, fits a page. */
export const BLOCK_MAX_BYTES: u32 = 131072
/** What a block's header says of its payload; what a builder aims at. */
export const COMPRESSION_NONE: u32 = 0
export const COMPRESSION_LZ4: u32 = 1
/** Payload of the longest block that the cache holds: all kinds but extents. */
export const BLOCK_MAX_CACHED_PAYLOAD: u32 = 130976

// ── block cache: words that TypeScript reads, from CONTROL_CACHE on ──────────────────────────────────────
/** u32: pages it holds now. */
export const CACHE_PAGES: u32 = 0
/** u32: pages it may hold; pages it keeps when others need them. */
export const CACHE_LIMIT_PAGES: u32 = 4
export const CACHE_FLOOR_PAGES: u32 = 8
/** u32: number of shards, a power of two up to CACHE_MAX_SHARDS; they lie one behind the other from CACHE_SHARDS on. */
export const CACHE_SHARD_COUNT: u32 = 12
/** u32: record with the hash tables (assembly/cache/buckets.ts). */
export const CACHE_TABLES: u32 = 16
/** u32: a page of counters, u32 for each page of the memory: how often it is pinned. */
export const CACHE_PINS: u32 = 20
export const CACHE_SHARDS: u32 = 64
export const CACHE_MAX_SHARDS: u32 = 8
export const SHARD_BYTES: u32 = 64
/** u32: slot index + 1 of who holds the shard, 0 if nobody does. */
export const SHARD_LOCK: u32 = 0
/** u32: blocks in the shard; blocks that were dropped; that came back soon after. */
export const SHARD_BLOCKS: u32 = 32
export const SHARD_EVICTIONS: u32 = 36
export const SHARD_RETURNS: u32 = 40

// ── entry stream: words that TypeScript reads and writes (offsets into its page, assembly/compact/stream-page.ts) ────────
/** f64: entries read from the sources; of these, entries that were left out. */
export const STREAM_READ: u32 = 13888
export const STREAM_DROPPED: u32 = 13896
/** u32: 1 if the same entry may come more than once, in a salvage; it is written once. Else that is damage. */
export const STREAM_REPEATS: u32 = 13928
/** f64, counted by streamInspect: tombstones, entries that are not the first of their key, lowest (0: none) and highest seqno. */
export const STREAM_TOMBSTONES: u32 = 13936
export const STREAM_HIDDEN: u32 = 13944
export const STREAM_LOWEST_SEQNO: u32 = 13952
export const STREAM_HIGHEST_SEQNO: u32 = 13960
/** u64 × up to STREAM_MEMBERS_MAX: the live snapshots below B, ascending, then B. */
export const STREAM_MEMBERS: u32 = 98304
export const STREAM_MEMBERS_MAX: u32 = 4096

// ── table builder: statistics TypeScript reads (offsets into the builder) ────────────────────────────────
/** f64: file offset at which the next output page will be written. */
export const BUILDER_OFFSET: u32 = 0
/** f64: number of entries, then by kind: tombstones. */
export const BUILDER_ENTRIES: u32 = 8
export const BUILDER_TOMBSTONES: u32 = 16
/** f64: sum of raw key and value bytes. */
export const BUILDER_RAW_KEY_BYTES: u32 = 24
export const BUILDER_RAW_VALUE_BYTES: u32 = 32
/** f64: lowest and highest seqno. */
export const BUILDER_LOWEST_SEQNO: u32 = 40
export const BUILDER_HIGHEST_SEQNO: u32 = 48
/** f64 offset and u32 size of the root index block, after builderFinish. */
export const BUILDER_ROOT_OFFSET: u32 = 56
export const BUILDER_ROOT_SIZE: u32 = 64
/** u32 pointer and length of the smallest and largest user key (in the builder's own pages). */
export const BUILDER_MIN_KEY: u32 = 68
export const BUILDER_MIN_KEY_LENGTH: u32 = 72
export const BUILDER_MAX_KEY: u32 = 76
export const BUILDER_MAX_KEY_LENGTH: u32 = 80
/** u32: number of data blocks, of index blocks, of extent blocks. */
export const BUILDER_DATA_BLOCKS: u32 = 84
export const BUILDER_INDEX_BLOCKS: u32 = 88
export const BUILDER_EXTENT_BLOCKS: u32 = 92
/** f64: weak tombstones, which BUILDER_TOMBSTONES does not count. */
export const BUILDER_WEAK_TOMBSTONES: u32 = 96
/** f64 offset of the first filter block, u32 lines of the filter, 0 without one, u32 probes; after builderFinish. */
export const BUILDER_FILTER_OFFSET: u32 = 104
export const BUILDER_FILTER_LINES: u32 = 112
export const BUILDER_FILTER_PROBES: u32 = 116
/** f64: entries that are not the first of their user key. */
export const BUILDER_HIDDEN_VERSIONS: u32 = 120
/** State of the streaming checksum over the whole file; the writer of the file feeds it. */
export const BUILDER_HASH_STATE: u32 = 512
