// Rotation, flush, and the reclamation by epochs of what they replace: nobody touches what was freed, everything that was retired is freed in
// the end, and no write is lost between the memtables and the table.
//
// A thread that writes WRITES entries under the journal lock (write-path.ts), the keeper, which rotates ROTATIONS times and flushes FLUSHES times (tree.ts,
// flush.ts, reclaimer.ts), and READERS threads that take a slot, read READS times each (point-read.ts, assembly/memory/epoch.ts) and give the slot
// back. All accesses of several threads are sequentially consistent atomics, one for each step.

#define BIT(number) (1 << (number))

// ── what there is in memory ─────────────────────────────────────────────────────────────────────────────────

// SuperVersions come first, then memtables, then tables. No address is used again, so that every touch of a freed one is seen. A flush stands for
// one that merges the table there was, too, so that tables are retired.
#define VERSIONS (1 + 2 * ROTATIONS + FLUSHES)
#define FIRST_MEMTABLE VERSIONS
#define FIRST_TABLE (FIRST_MEMTABLE + 1 + ROTATIONS)
#define OBJECTS (FIRST_TABLE + 1 + FLUSHES)

typedef SuperVersion {
  byte writable // a memtable, 0 for none
  int sealed  // memtables, a bit for each
  byte table
}

SuperVersion superVersions[VERSIONS]
byte content[OBJECTS] // of memtables and tables: entries, a bit for each
int freed             // a bit for each object
byte nextVersion = 1
byte nextMemtable = FIRST_MEMTABLE + 1
byte nextTable = FIRST_TABLE + 1

#define VERSION(id) superVersions[id]
#define ALIVE(object) (!(freed & BIT(object)))

// ── shared words ────────────────────────────────────────────────────────────────────────────────────────────

// The clock has five bits here, and is about to wrap.
#define CLOCK_MASK 31
#ifdef BUG_CLOCK_BY_ONES
#define TICK 1
#else
#define TICK 2
#endif

byte superVersion // TREE_SUPERVERSION
byte epoch = 29   // CONTROL_EPOCH
byte taken        // CONTROL_SLOTS_TAKEN, a bit for each reader
byte slots[READERS]
bool journalLock
byte visible // what is acknowledged, a bit for each entry
byte done    // threads but the keeper

inline lockJournal() {
  atomic { !journalLock -> journalLock = true }
}

// ── writing ─────────────────────────────────────────────────────────────────────────────────────────────────

// WritePath.#commitEntry with Room.#lockFor: the memtable is looked up and written under the journal lock. Without one the thread asks the keeper, and tries again.
proctype Writer() {
  byte writes
  byte version
  byte writable

  do
  :: writes < WRITES ->
     VERSION(superVersion).writable != 0;
     lockJournal();
     // TreeDoor.active: the tree record, then the record it leads to. The thread is in no epoch.
     version = superVersion;
     d_step {
       assert(ALIVE(version));
       writable = VERSION(version).writable;
       version = 0
     };
     if
     :: writable != 0 ->
        d_step {
          assert(ALIVE(writable));
          content[writable] = content[writable] | BIT(writes);
          visible = visible | BIT(writes);
          writes++
        }
     :: else
     fi;
     atomic { journalLock = false; writable = 0 }
  :: else -> break
  od;
  done++
}

// ── the keeper ──────────────────────────────────────────────────────────────────────────────────────────────

// Retired, oldest first: Reclaimer.#retired.
#define ENTRIES (2 * ROTATIONS + 2 * FLUSHES + 1)
byte tagOf[ENTRIES]
int objectsOf[ENTRIES]
byte oldest
byte count

// isRead: all slots that are taken, one after the other. `number` becomes READERS + 1 if one may still read what has the tag.
inline isRead(tag) {
  looked = taken;
  number = 0;
  do
  :: number < READERS ->
     d_step {
       if
       :: (looked & BIT(number)) && slots[number] != 0 &&
#ifdef BUG_TAGS_COMPARED_UNSIGNED
            slots[number] <= tag ->
#elif defined(BUG_FREED_AT_ITS_EPOCH)
            ((slots[number] - tag) & CLOCK_MASK) > CLOCK_MASK / 2 ->
#else
            (slots[number] == tag || ((slots[number] - tag) & CLOCK_MASK) > CLOCK_MASK / 2) ->
#endif
          number = READERS + 1
       :: else -> number++
       fi
     }
  :: else -> break
  od;
  looked = 0
}

// Reclaimer.collect
inline collect() {
  first = oldest;
  do
  :: first < count ->
#ifdef BUG_OLDEST_TAG_TRUSTED
     isRead(tagOf[oldest]);
#else
     isRead(tagOf[first]);
#endif
     if
     :: number > READERS -> break // read: what was retired later is, too
     :: else -> first++
     fi
  :: else -> break
  od;
  number = 0;
  d_step {
    do
    :: oldest < first ->
       freed = freed | objectsOf[oldest];
       tagOf[oldest] = 0;
       objectsOf[oldest] = 0;
       oldest++
    :: else -> break
    od;
    first = 0
  }
}

// Reclaimer.retire
inline retire(objects) {
  d_step {
    tagOf[count] = epoch;
    objectsOf[count] = objects;
    epoch = (epoch + TICK) & CLOCK_MASK;
    count++
  };
  collect()
}

// A SuperVersion record, which nobody knows yet.
inline make(newWritable, newSealed, newTable) {
  made = nextVersion;
  nextVersion++;
  VERSION(made).writable = newWritable;
  VERSION(made).sealed = newSealed;
  VERSION(made).table = newTable
}

// Tree.#publish, then retire: the one store by which threads find the new one, then the tag.
inline replace(objects) {
  before = superVersion;
#ifdef BUG_RETIRED_BEFORE_IT_IS_REPLACED
  retire(BIT(before) | (objects));
  superVersion = made;
#else
  superVersion = made;
  retire(BIT(before) | (objects));
#endif
  atomic { made = 0; before = 0 }
}

// Flusher.seal: Tree.rotate, a step under the journal lock.
inline rotate() {
#ifndef BUG_ROTATES_WITHOUT_THE_LOCK
  lockJournal();
#endif
  d_step {
    make(0, VERSION(superVersion).sealed | BIT(VERSION(superVersion).writable), VERSION(superVersion).table)
  };
  replace(0);
#ifndef BUG_ROTATES_WITHOUT_THE_LOCK
  journalLock = false
#endif
}

// MemoryBudget.make: Tree.openMemtable, a step under the journal lock.
inline openMemtable() {
  lockJournal();
  d_step {
    make(nextMemtable, VERSION(superVersion).sealed, VERSION(superVersion).table);
    nextMemtable++
  };
  replace(0);
  journalLock = false
}

// FlushJob: what it takes, and what it makes of it. A rotation may come before it is installed.
inline build() {
  d_step {
    taking = VERSION(superVersion).sealed;
    number = FIRST_MEMTABLE;
    content[nextTable] = content[VERSION(superVersion).table];
    do
    :: number < FIRST_TABLE ->
       if
       :: taking & BIT(number) -> content[nextTable] = content[nextTable] | content[number]
       :: else
       fi;
       number++
    :: else -> break
    od;
    number = 0
  }
}

// FlushJob.install and cleanUp: Tree.prepare, commitTables, install, deleteRetired.
inline install() {
#ifndef BUG_INSTALLS_UNLOCKED
  lockJournal();
#endif
  d_step {
    old = VERSION(superVersion).table;
#ifdef BUG_INSTALL_FORGETS_A_ROTATION
    make(VERSION(superVersion).writable, 0, nextTable);
#else
    make(VERSION(superVersion).writable, VERSION(superVersion).sealed & ~taking, nextTable);
#endif
    nextTable++
  };
#ifdef BUG_MEMTABLES_FREED_AT_ONCE
  replace(0);
  freed = freed | taking;
#else
  replace(taking);
#endif
#ifndef BUG_INSTALLS_UNLOCKED
  journalLock = false;
#endif
  retire(BIT(old));
  atomic { taking = 0; old = 0 }
}

proctype Keeper() {
  byte rotations
  byte flushes
  byte made
  byte before
  byte old
  byte first
  byte number
  byte looked
  int taking

  do
  :: rotations < ROTATIONS && VERSION(superVersion).writable != 0 -> rotations++; rotate()
  :: VERSION(superVersion).writable == 0 -> openMemtable()
  :: flushes < FLUSHES && taking == 0 && VERSION(superVersion).sealed != 0 -> flushes++; build()
  :: taking != 0 -> install()
  :: rotations == ROTATIONS && VERSION(superVersion).writable != 0 && taking == 0 && (flushes == FLUSHES || VERSION(superVersion).sealed == 0) -> break
  od;
  done == READERS + 1;
  collect();
  // Nobody reads any more: nothing waits, and what the SuperVersion names is there, with all that was written.
  assert(oldest == count);
  d_step {
    number = FIRST_MEMTABLE;
    looked = content[VERSION(superVersion).table];
    do
    :: number < FIRST_TABLE ->
       if
       :: VERSION(superVersion).writable == number || (VERSION(superVersion).sealed & BIT(number)) ->
          assert(ALIVE(number));
          looked = looked | content[number]
       :: else
       fi;
       number++
    :: else -> break
    od;
    assert(ALIVE(superVersion) && ALIVE(VERSION(superVersion).table));
    assert(looked == BIT(WRITES) - 1)
  }
}

// ── reading ─────────────────────────────────────────────────────────────────────────────────────────────────

// enterRead, then the pointer. `expected` is what was acknowledged before.
inline enter() {
#ifdef BUG_POINTER_BEFORE_SLOT
  version = superVersion;
#endif
  atomic { now = epoch; expected = visible };
  slots[me] = now;
  now = 0;
#ifndef BUG_POINTER_BEFORE_SLOT
  version = superVersion
#endif
}

// pointRead: all that the SuperVersion names, at the last moment. It does not change, and a memtable only gets more.
inline read() {
  d_step {
    assert(ALIVE(version) && ALIVE(VERSION(version).table));
    found = content[VERSION(version).table];
    memtable = FIRST_MEMTABLE;
    do
    :: memtable < FIRST_TABLE ->
       if
       :: VERSION(version).writable == memtable || (VERSION(version).sealed & BIT(memtable)) ->
          assert(ALIVE(memtable));
          found = found | content[memtable]
       :: else
       fi;
       memtable++
    :: else -> break
    od;
    assert((expected & ~found) == 0);
    expected = 0;
    found = 0;
    version = 0;
    memtable = 0
  }
}

proctype Reader(byte me) {
  byte reads
  byte expected
  byte now
  byte version
  byte memtable
  byte found

#ifndef BUG_SLOT_NOT_TAKEN
  taken = taken | BIT(me);
#endif
  do
  :: reads < READS ->
     reads++;
     enter();
#ifdef BUG_LEAVES_BEFORE_IT_READS
     slots[me] = 0;
#endif
     read();
     slots[me] = 0
  :: else -> break
  od;
  // giveSlot
  taken = taken & ~BIT(me);
  done++
}

init {
  byte thread
  atomic {
    superVersions[0].writable = FIRST_MEMTABLE;
    superVersions[0].table = FIRST_TABLE;
    do
    :: thread < READERS -> run Reader(thread); thread++
    :: else -> break
    od;
    run Writer();
    run Keeper();
    thread = 0
  }
}
