// Reading at one point in time, beside batches over two keyspaces, rotation, flushes that drop old versions, clear, and the drop of a keyspace: a read finds
// what was committed below its S and nothing else, and its S is not older than a commit that was acknowledged before it began.
//
// A thread commits COMMITS batches, each with one key in A and one in B (write-path.ts). The keeper flushes FLUSHES times, clears A CLEARS times (erasure.ts), drops A
// DROPS times (keyspaces.ts; 0 or 1 each). A thread reads READS times: A at its latest state, with TRIES optimistic tries (point-read.ts), or both at a
// registered S (Engine.readingAt). One seqno stands for a group. Epochs keep what a read has found (reclaim.pml): nothing is freed here. Registering in full: drop-barrier.pml.

#define BIT(number) (1 << (number))
#define A 0
#define B 1
#define NEVER 255

// ── SuperVersions, memtables, tables ────────────────────────────────────────────────────────────────────────

// A table is what a flush has kept of entries: so all three are sets of seqnos, a bit for each. Number 0 is no SuperVersion, and no memtable.
typedef SuperVersion {
  byte seqno
  byte older    // SUPERVERSION_OLDER
  byte writable // a memtable
  byte sealed   // a memtable
  byte table    // entries
}

SuperVersion superVersions[4 + 3 * (FLUSHES + CLEARS) + CLEARS]
byte memtables[3 + FLUSHES + 2 * CLEARS]
byte nextVersion = 3
byte nextMemtable = 3

#define VERSION(id) superVersions[id]
#define CONTENT(id) (memtables[VERSION(id).writable] | memtables[VERSION(id).sealed] | VERSION(id).table)
#define HAS(set, number, limit) (((set) & BIT(number)) && (number) < (limit))
#define NEWEST(set, limit) (HAS(set, 4, limit) -> 4 : (HAS(set, 3, limit) -> 3 : (HAS(set, 2, limit) -> 2 : (HAS(set, 1, limit) -> 1 : 0))))

// ── shared words ────────────────────────────────────────────────────────────────────────────────────────────

byte latest[2]        // TREE_SUPERVERSION
bool isA = true       // TREE_MARK: A has its record still
byte nextSeqno = 1
byte visibleSeqno = 1
byte dropBarrier
byte slot             // of the snapshot registry: the S of the reader, 0 for none
bool journalLock
byte cleared          // seqno of the clear, 0 before
bool isPlanted        // C has A's record, and the SuperVersion after the last one that was made

// What a read at S has to find: the newest commit, unless that is the clear.
#define EXPECTED_A(limit) ((limit) - 1 == cleared -> 0 : (limit) - 1)
#define EXPECTED_B(limit) ((limit) - 1 == cleared && cleared != 0 -> cleared - 1 : (limit) - 1)

inline lockJournal() {
  atomic { !journalLock -> journalLock = true }
}

// ── writing ─────────────────────────────────────────────────────────────────────────────────────────────────

#define INSERT(keyspace) memtables[VERSION(latest[keyspace]).writable] = memtables[VERSION(latest[keyspace]).writable] | BIT(seqno)

// WritePath.#commitRecord. Where a keyspace has no memtable the thread asks the keeper first, and tries again (Room.#lockFor).
proctype Writer() {
  byte commits
  byte seqno

  do
  :: commits < COMMITS && isA ->
     atomic { !journalLock && ((VERSION(latest[A]).writable != 0 && VERSION(latest[B]).writable != 0) || !isA) -> journalLock = true };
     if
     :: isA ->
        atomic { seqno = nextSeqno; nextSeqno++; commits++ };
#ifdef BUG_PUBLISHED_BEFORE_THE_INSERTS
        visibleSeqno = seqno + 1;
#endif
        INSERT(A);
#ifdef BUG_PUBLISHED_HALF
        visibleSeqno = seqno + 1;
#endif
        INSERT(B);
        visibleSeqno = seqno + 1;
        atomic { seqno = 0; journalLock = false }
     :: else -> journalLock = false
     fi
  :: else -> break
  od
}

// ── the keeper ──────────────────────────────────────────────────────────────────────────────────────────────

inline make(newSeqno, newOlder, newWritable, newSealed, newTable) {
  made = nextVersion;
  nextVersion++;
  VERSION(made).seqno = newSeqno;
  VERSION(made).older = newOlder;
  VERSION(made).writable = newWritable;
  VERSION(made).sealed = newSealed;
  VERSION(made).table = newTable
}

// Tree.#publish. The record is nobody's before that.
inline publish(keyspace) {
  atomic { latest[keyspace] = made; made = 0 }
}

// Tree.rotate, under the journal lock.
inline rotate() {
  d_step { make(VERSION(latest[keyspace]).seqno, VERSION(latest[keyspace]).older, 0, VERSION(latest[keyspace]).writable, VERSION(latest[keyspace]).table) };
  publish(keyspace)
}

// Tree.openMemtable, under the journal lock.
inline openMemtable() {
  d_step {
    make(VERSION(latest[keyspace]).seqno, VERSION(latest[keyspace]).older, nextMemtable, VERSION(latest[keyspace]).sealed, VERSION(latest[keyspace]).table);
    nextMemtable++
  };
  publish(keyspace)
}

// Disposal.beginDropping: the barrier, then the registry.
inline beginDropping() {
#ifdef BUG_SCANNED_BEFORE_THE_BARRIER
  live = slot;
#endif
  barrier = visibleSeqno;
  dropBarrier = (barrier > dropBarrier -> barrier : dropBarrier);
#ifndef BUG_SCANNED_BEFORE_THE_BARRIER
  live = slot
#endif
}

// FlushJob: of the entries it keeps what a read can ask for (assembly/compact/drop.ts): between entry e and the older s, s stays iff e ≥ B, or the live S
// lies in (s, e]. Then install: Tree.prepare, in the newest SuperVersion. A clear leaves no memtable to older ones.
inline flush() {
  beginDropping();
  d_step {
    entries = memtables[VERSION(latest[keyspace]).sealed] | VERSION(latest[keyspace]).table;
    kept = 0;
    newer = NEVER;
    number = 4;
    do
    :: number > 0 ->
       if
       :: entries & BIT(number) ->
          if
#ifndef BUG_DROPS_WHAT_SNAPSHOTS_NEED
          :: newer == NEVER || newer >= barrier || (live > number && live <= newer) -> kept = kept | BIT(number)
#else
          :: newer == NEVER || newer >= barrier -> kept = kept | BIT(number)
#endif
          :: else
          fi;
          newer = number
       :: else
       fi;
       number--
    :: else -> break
    od;
    make(VERSION(latest[keyspace]).seqno, VERSION(latest[keyspace]).older, VERSION(latest[keyspace]).writable, 0, kept);
    entries = 0; kept = 0; newer = 0; live = 0; barrier = 0
  };
  publish(keyspace)
}

// erase, of everything: an APPEND, published before its seqno.
inline clear() {
  lockJournal();
  if
  :: VERSION(latest[A]).writable != 0 -> rotate(); flush()
  :: else
  fi;
  d_step { cleared = nextSeqno; nextSeqno++ };
#ifdef BUG_CLEAR_PUBLISHED_BEHIND_ITS_SEQNO
  visibleSeqno = cleared + 1;
#endif
#ifdef BUG_LINKED_BEHIND_THE_RECORD
  d_step { number = latest[A]; make(cleared, 0, 0, 0, 0) };
  publish(A);
  atomic { VERSION(latest[A]).older = number; number = 0 };
#else
  d_step { make(cleared, latest[A], 0, 0, 0) };
  publish(A);
#endif
  visibleSeqno = cleared + 1;
  journalLock = false;
  lockJournal();
  openMemtable();
  journalLock = false
}

// Disposal.collect: VersionHistory.gc.
inline collect() {
  beginDropping();
  d_step {
    if
    :: VERSION(latest[A]).seqno >= barrier
#ifndef BUG_GC_WITHOUT_THE_SNAPSHOTS
    :: live > VERSION(VERSION(latest[A]).older).seqno && live <= VERSION(latest[A]).seqno
#endif
    :: else -> VERSION(latest[A]).older = 0
    fi;
    live = 0;
    barrier = 0
  }
}

// dropKeyspace, Tree.free; then Tree.plant, of C, in the same record (Keeper.#spareTreeRecords).
inline dropAndPlant() {
  lockJournal();
  isA = false;
  latest[A] = 0;
  journalLock = false;
  atomic { isPlanted = true; latest[A] = nextVersion }
}

proctype Keeper() {
  byte flushes
  byte clears
  byte keyspace
  byte made
  byte barrier
  byte live
  byte entries
  byte kept
  byte newer
  byte number

  do
  :: flushes < FLUSHES ->
     flushes++;
     if
     :: keyspace = A
     :: keyspace = B
     fi;
     lockJournal();
     rotate();
     journalLock = false;
     lockJournal();
     openMemtable();
     journalLock = false;
     flush();
     keyspace = A
  :: clears < CLEARS -> clears++; clear()
  :: VERSION(latest[A]).older != 0 -> collect()
  :: true -> break
  od;
#if DROPS
  dropAndPlant()
#endif
}

// ── reading ─────────────────────────────────────────────────────────────────────────────────────────────────

// TreeDoor.superVersionAt, S = 0: the latest one.
inline findLatest() {
#ifndef BUG_MARK_SEEN_BEFORE_THE_RECORD
  version = latest[A];
  isGone = !isA
#else
  isGone = !isA;
  version = latest[A]
#endif
}

// … and at a registered S: the newest one with a smaller seqno, which must be there.
inline findAt(keyspace) {
  version = latest[keyspace];
  do
#ifdef BUG_SEES_WHAT_BEGINS_AT_S
  :: version != 0 && VERSION(version).seqno > s -> version = VERSION(version).older
#else
  :: version != 0 && VERSION(version).seqno >= s -> version = VERSION(version).older
#endif
  :: else -> break
  od;
  assert(version != 0 || !isA)
}

// SnapshotRegistry.register
inline register() {
  s = visibleSeqno;
#ifndef BUG_NOT_REGISTERED
  slot = s;
  do
#ifndef BUG_BARRIER_UNSEEN
  :: dropBarrier > s -> s = visibleSeqno; slot = s
#endif
  :: else -> break
  od
#endif
}

inline checkA() {
  d_step {
    assert(version < nextVersion || !isPlanted);
    assert(s >= expected);
    assert(NEWEST(CONTENT(version), s) == EXPECTED_A(s))
  }
}

proctype Reader() {
  byte reads
  byte tries
  byte expected
  byte s
  byte version
  bool isGone

  do
  :: reads < READS ->
     reads++;
     expected = visibleSeqno;
     if
#if !DROPS
     :: tries = TRIES + 1 // both keyspaces, at one registered S
#endif
     :: tries = 0
     fi;
     do
     :: tries < TRIES ->
        // PointReader.#lookShared
        tries++;
#ifdef BUG_S_BEFORE_THE_SUPERVERSION
        s = visibleSeqno;
        findLatest();
#else
        findLatest();
        s = visibleSeqno;
#endif
        if
        :: isGone || version == 0 -> break
        :: else
        fi;
        // #isLatest
        if
#ifndef BUG_NOT_LOOKED_AGAIN
        :: latest[A] != version
#endif
        :: else ->
           if
#ifndef BUG_SEQNO_UNCHECKED
           :: VERSION(version).seqno >= s
#endif
           :: else -> checkA(); break
           fi
        fi
     :: tries >= TRIES ->
        isGone = !isA;
        if
        :: isGone -> break
        :: else
        fi;
        register();
        findAt(A);
#ifndef BUG_MARK_SEEN_BEFORE_THE_RECORD
        isGone = !isA;
#endif
        if
        :: isGone || version == 0
        :: else -> checkA()
        fi;
        if
        :: tries > TRIES ->
           findAt(B);
           assert(NEWEST(CONTENT(version), s) == EXPECTED_B(s))
        :: else
        fi;
        slot = 0;
        break
     od;
     atomic { isGone = false; expected = 0; tries = 0; s = 0; version = 0 }
  :: else -> break
  od
}

init {
  atomic {
    latest[A] = 1;
    latest[B] = 2;
    superVersions[1].writable = 1;
    superVersions[2].writable = 2;
    run Writer();
    run Keeper();
    run Reader()
  }
}
