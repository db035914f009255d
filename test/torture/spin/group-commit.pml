// Commits of several threads into one journal, and the syncs beside it (write-path.ts, thread.ts, journals.ts, journal/writer.ts, journal-record.ts,
// sync-stage.ts): what is visible is in memory, what is acknowledged is visible and survives what it was said to survive, what was refused does not come back.
//
// THREADS threads commit COMMITS times each, with durability `os` or `sync`. ROTATIONS times (0 or 1) the keeper leaves the journal for a new one.
// WRITE_FAILURES writes find the disk full, SYNC_FAILURES syncs fail, TRAPS times a thread stops in the middle of a group. One frame, and one seqno, stand for a group.
// Not here: `buffered`, whose frames wait in memory, and asynchronous syncs, which take the same steps and look at the poison word once more.

#define NONE 255
#define BIT(number) (1 << (number))
#define ME (1 + _pid)

// ── shared words ────────────────────────────────────────────────────────────────────────────────────────────

bool journalLock
byte group            // CONTROL_GROUP: thread whose group is between its seqnos and its publication
bool poisoned         // CONTROL_POISON
byte current          // CONTROL_JOURNAL: index of the record
byte nextSeqno = 1
byte visibleSeqno = 1
// The records of the two journals. Lengths count the header and frames.
byte length[2]
byte synced[2]
byte syncs[2]
bool flagPoisoned[2]  // FLAG_POISONED: a bit of a plain word
bool syncTurn[2]
bool waits            // of the second one: the first may not be durable

// ── the disk ────────────────────────────────────────────────────────────────────────────────────────────────

#define PLACE(file, frame) ((file) * (THREADS * COMMITS + 1) + (frame))

byte seqnoAt[2 * (THREADS * COMMITS + 1)] // 0: the header
byte cached[2]          // in the system's cache: what a killed process leaves
byte durable[2]         // what survives a power cut for sure
byte torn[2]            // seqno of a frame behind `cached` that a write which failed may have left
bool dropped[2]         // a sync failed, and the system forgot what was dirty: no sync makes it durable any more
bool closed             // the first file
byte lengthSealed = NONE

// ── what is known to the model only ─────────────────────────────────────────────────────────────────────────

byte written  // seqnos in a journal, a bit for each
byte inserted // seqnos in a memtable
byte lost     // seqnos of groups that failed: a gap
byte writeFailuresLeft = WRITE_FAILURES
byte syncFailuresLeft = SYNC_FAILURES
byte trapsLeft = TRAPS

// lockJournal. `failed` and not locked: POISONED.
inline lockJournal() {
  atomic { !journalLock -> journalLock = true };
#ifndef BUG_GROUP_UNSEEN
  if
  :: group != 0 -> journalLock = false; poisoned = true; failed = true
  :: else
  fi
#endif
}

// ── syncing ─────────────────────────────────────────────────────────────────────────────────────────────────

// fdatasync of a file that all threads share: a failure is told to ONE caller, and what was dirty counts as clean from then on.
inline fdatasync(file) {
  atomic { assert(file == 1 || !closed); reached = cached[file]; tornBefore = torn[file] };
  atomic {
    if
    :: dropped[file]
    :: !dropped[file] ->
       if
       :: durable[file] < reached -> durable[file] = reached
       :: else
       fi;
       if
       :: torn[file] == tornBefore -> torn[file] = 0
       :: else
       fi
    :: !dropped[file] && syncFailuresLeft > 0 && (durable[file] < reached || torn[file] != 0) ->
       syncFailuresLeft--;
       dropped[file] = true;
       failed = true
    fi;
    reached = 0;
    tornBefore = 0
  }
}

// SyncStage.now, without the journal before; then JournalWriter.#poison and DatabaseThread.poison.
inline syncNow(file) {
#ifndef BUG_EARLIER_NOT_AWAITED
  if
  :: file == 1 -> !waits || poisoned; failed = waits
  :: else
  fi;
#endif
  if
  :: !failed ->
     // #nowInTurn
#ifndef BUG_SYNCS_AT_ONCE
     atomic { !syncTurn[file] -> syncTurn[file] = true };
#ifndef BUG_POISON_UNSEEN_IN_THE_TURN
     failed = poisoned;
#endif
#endif
     reading = length[file];
     if
     :: failed
     :: else -> fdatasync(file)
     fi;
#ifdef BUG_SYNC_TRIED_AGAIN
     if
     :: failed -> failed = false; fdatasync(file)
     :: else
     fi;
#endif
#ifdef BUG_LENGTH_READ_AFTER_THE_SYNC
     reading = length[file];
#endif
     if
     :: failed -> flagPoisoned[file] = true; poisoned = true
     :: else
     fi;
     // JournalRecord.prove
     atomic {
       if
       :: !failed && reading > synced[file] -> synced[file] = reading
       :: else
       fi;
       reading = 0
     };
#ifndef BUG_SYNCS_AT_ONCE
     // Whoever is next finds the poison, if there is any.
     syncTurn[file] = false
#endif
  :: else -> flagPoisoned[file] = true; poisoned = true
  fi
}

// The header, if it waits; under the journal lock.
inline writeHeader(file) {
  d_step {
    if
    :: cached[file] == 0 -> cached[file] = 1; length[file] = 1
    :: else
    fi
  }
}

// DatabaseThread.syncJournal: #writtenOut, then syncWritten, then endSync.
inline syncJournal() {
  lockJournal();
  if
  :: !failed ->
     file = current;
     if
     :: flagPoisoned[file] -> failed = true
     :: else -> writeHeader(file)
     fi;
#ifndef BUG_SYNCS_COUNTED_OUTSIDE_THE_LOCK
     syncs[file] = syncs[file] + 1;
#endif
     journalLock = false;
#ifdef BUG_SYNCS_COUNTED_OUTSIDE_THE_LOCK
     syncs[file] = syncs[file] + 1;
#endif
     if
     :: !failed && synced[file] < length[file] -> syncNow(file)
     :: else
     fi;
     // With its file a record goes, too.
     atomic { assert(file == 1 || !closed); syncs[file] = syncs[file] - 1 }
  :: else
  fi
}

// ── committing ──────────────────────────────────────────────────────────────────────────────────────────────

// #writeFailed of a full disk: the file is cut, and the cut made durable under the journal lock. Nothing was applied.
inline writeFailed() {
#ifndef BUG_CUT_NOT_SYNCED
  syncNow(file);
#endif
  if
  :: failed
  :: else ->
     d_step {
       lost = lost | BIT(seqno);
       assert(torn[0] != seqno && torn[1] != seqno && !(written & BIT(seqno)))
     };
     group = 0
  fi
}

// WritePath.#commitEntry: beginGroup, JournalWriter.append, applyEntries, publishGroup. `failed`: it is not known what became of it.
inline commit() {
#ifdef BUG_SEQNO_OUTSIDE_THE_LOCK
  atomic { seqno = nextSeqno; nextSeqno++ };
#endif
  lockJournal();
  if
  :: !failed ->
     group = ME;
#ifndef BUG_SEQNO_OUTSIDE_THE_LOCK
     atomic { seqno = nextSeqno; nextSeqno++ };
#endif
     file = current;
     if
     :: flagPoisoned[file] -> poisoned = true; failed = true
     :: atomic { !flagPoisoned[file] && trapsLeft > 0 -> trapsLeft--; failed = true }
     :: atomic { !flagPoisoned[file] && writeFailuresLeft > 0 -> writeFailuresLeft--; torn[file] = seqno }; writeFailed()
     :: !flagPoisoned[file] ->
#ifdef BUG_LENGTH_BEFORE_THE_WRITE
        length[file] = length[file] + 1;
#endif
        d_step {
          // #takeSeqnos: in order, and none is left out.
          assert(((written | lost) & (BIT(seqno) - 2)) == BIT(seqno) - 2 && !(written & BIT(seqno)));
          cached[file] = (cached[file] == 0 -> 1 : cached[file]);
          seqnoAt[PLACE(file, cached[file])] = seqno;
          cached[file] = cached[file] + 1;
          torn[file] = 0;
          written = written | BIT(seqno);
          assert(lengthSealed == NONE || file == 1)
        };
#ifndef BUG_LENGTH_BEFORE_THE_WRITE
        length[file] = cached[file];
#endif
#if SYNC_FAILURES
        // flags &= ~FLAG_FULL, which is no atomic step: a FLAG_POISONED that is set meanwhile is lost.
        flag = flagPoisoned[file];
        atomic { flagPoisoned[file] = flag; flag = false };
#endif
        if
        :: atomic { trapsLeft > 0 -> trapsLeft--; failed = true }
        :: true ->
#ifdef BUG_PUBLISHED_BEFORE_THE_INSERT
           publish();
           inserted = inserted | BIT(seqno);
#elif !defined(BUG_PUBLISHED_OUTSIDE_THE_LOCK)
           inserted = inserted | BIT(seqno);
           publish();
#endif
           group = 0
        fi
     fi;
     journalLock = false
  :: else
  fi;
#ifdef BUG_PUBLISHED_OUTSIDE_THE_LOCK
  if
  :: !failed && (written & BIT(seqno)) -> inserted = inserted | BIT(seqno); publish()
  :: else
  fi
#endif
}

inline publish() {
  d_step {
    visibleSeqno = (visibleSeqno > seqno + 1 -> visibleSeqno : seqno + 1);
    assert(((inserted | lost) & (BIT(visibleSeqno) - 2)) == BIT(visibleSeqno) - 2)
  }
}

// What is acknowledged is in a journal and visible; under `sync` it is durable, and so is all before it.
inline acknowledge() {
  d_step {
    assert((written & BIT(seqno)) && visibleSeqno > seqno && (inserted & BIT(seqno)));
    if
    :: wantsSync ->
       reached = 0;
       do
       :: reached < durable[0] && seqnoAt[PLACE(0, reached)] != seqno -> reached++
       :: else -> break
       od;
       if
       :: reached == durable[0] ->
          // The second one's header says where the first was left: what is behind a hole is no part of the log.
          assert(lengthSealed != NONE && durable[0] >= lengthSealed);
          reached = 0;
          do
          :: reached < durable[1] && seqnoAt[PLACE(1, reached)] != seqno -> reached++
          :: else -> break
          od;
          assert(reached < durable[1])
       :: else
       fi;
       reached = 0
    :: else
    fi
  }
}

proctype Thread() {
  byte rounds
  byte file
  byte seqno
  byte reading
  byte reached
  byte tornBefore
  bool flag
  bool failed
  bool wantsSync

  do
  :: rounds < COMMITS && !poisoned ->
     rounds++;
     if
     :: wantsSync = true
     :: wantsSync = false
     fi;
     commit();
     if
     :: !failed && (written & BIT(seqno)) ->
        if
        :: wantsSync -> syncJournal()
        :: else
        fi;
        if
        :: !failed -> acknowledge()
        :: else
        fi
     :: else
     fi;
     atomic { file = 0; seqno = 0; failed = false; wantsSync = false }
  :: else -> break
  od
}

// Journals.rotateIfFull; then the first journal is closed as soon as nobody syncs it (#closePrevious, Reclaimer).
proctype Keeper() {
  byte file
  byte reading
  byte reached
  byte tornBefore
  bool failed

  syncJournal();
  if
  :: !failed ->
#ifndef BUG_SEALED_WITHOUT_THE_LOCK
     lockJournal();
#endif
     if
     :: !failed && !flagPoisoned[0] ->
        // JournalWriter.seal and begin.
        writeHeader(0);
        lengthSealed = length[0];
#ifdef BUG_SYNCED_CARRIED_OVER
        synced[1] = synced[0];
#endif
#ifdef BUG_WAITS_SET_BEHIND_THE_JOURNAL
        current = 1;
        journalLock = false;
        waits = true;
#else
        waits = true;
        current = 1;
#ifndef BUG_SEALED_WITHOUT_THE_LOCK
        journalLock = false;
#endif
#endif
        // syncEarlier
#ifdef BUG_WAITS_CLEARED_BEFORE_THE_SYNC
        waits = false;
#endif
        if
        :: flagPoisoned[0] -> failed = true; poisoned = true
        :: !flagPoisoned[0] && synced[0] < length[0] -> syncNow(0)
        :: else
        fi;
        if
        :: !failed ->
           waits = false;
#ifndef BUG_CLOSED_WHILE_SYNCING
           syncs[0] == 0;
#endif
           closed = true
        :: else
        fi
     :: !failed && flagPoisoned[0] -> poisoned = true; journalLock = false
     :: else
     fi
  :: else
  fi
}

init {
  byte thread
  atomic {
    do
    :: thread < THREADS -> run Thread(); thread++
    :: else -> break
    od;
#if ROTATIONS
    run Keeper();
#endif
    thread = 0
  }
}
