// The reader-writer lock of src/sync/rw-lock.ts: readers in parallel or one writer, no lost wake-up, neither side starves, whoever gives up
// leaves no trace, and everybody leaves when somebody has died inside.
//
// Slots 0 to WRITERS - 1 write, the READERS behind them read, ROUNDS times each. SLICES and TIMEOUTS: see mutex-steps.pml. DEATHS: 1 if a
// thread may die, at any step. Each inline has the name of the method that it follows.
//
// NOTE: nothing in the engine takes this lock yet; Monitor does what docs/concurrency.md asks of whoever looks at `slots()`.

#define THREADS (WRITERS + READERS)
#define MUTEX_SLOTS WRITERS
#include "mutex-steps.pml"

#define READER 1
#define READERS_INSIDE 127
#define WAITING_READER (1 << 7)
#define WAITING_READERS (127 << 7)
#define WAITING_WRITER (1 << 14)
#define WAITING_WRITERS (127 << 14)
#define WRITER_SHIFT 21
#define WRITER (127 << 21)
#define PHASE (1 << 28)
#define CLOSED (WRITER | WAITING_WRITERS)

int state
byte here // a bit for each slot

// What is known to the model only.
byte readersInside
byte writersInside
byte writersWaiting
byte writersMet[THREADS] // that entered since this reader waits
byte waiting             // readers that wait, a bit for each

inline wake() {
  notifyAll(ON_STATE)
}

// ── readers ─────────────────────────────────────────────────────────────────────────────────────────────────

inline leaveReaders() {
#ifdef BUG_WAKES_BEFORE_LEAVING
  wake();
  state = state - READER
#else
  atomic { state = state - READER; word = state };
  if
  :: (word & READERS_INSIDE) == 0 && (word & WAITING_WRITERS) != 0 -> wake()
  :: else
  fi;
  word = 0
#endif
}

// #stopWaitingToRead: `wasLetIn` if it came too late.
inline stopWaitingToRead() {
  d_step {
    if
#ifndef BUG_GIVES_UP_WITHOUT_LOOKING
    :: (state & PHASE) != phase -> wasLetIn = true
#endif
    :: else -> state = state - WAITING_READER; waiting = waiting & ~BIT(me)
    fi
  }
}

inline waitToRead() {
  do
  :: d_step {
       if
#ifdef BUG_PHASE_IGNORED
       :: (state & CLOSED) == 0 -> isIn = true
#else
       :: (state & PHASE) != phase -> isIn = true
       :: (state & PHASE) == phase && (state & CLOSED) == 0 ->
          // The writers have given up.
          state = state - WAITING_READER + READER;
          waiting = waiting & ~BIT(me);
          isIn = true
#endif
       :: else -> word = state
       fi
     };
     if
     :: isIn -> break
     :: else ->
        pause(ON_STATE, state, word);
        if
        :: failure != 0 -> break
        :: else
        fi
     fi
  od;
  isIn = false;
  if
  :: failure != 0 ->
     stopWaitingToRead();
     if
     :: wasLetIn && failure == LOCK_TIMEOUT -> failure = 0
     :: wasLetIn && failure != LOCK_TIMEOUT -> leaveReaders()
     :: else
     fi;
     wasLetIn = false
  :: else
  fi
}

inline acquireRead() {
  here = here | BIT(me);
  d_step {
    phase = state & PHASE;
    if
    :: (state & CLOSED) == 0 ->
       state = state + READER;
       // A writer that waits meets no new reader.
       assert(writersWaiting == 0);
       isIn = true
    :: else ->
       state = state + WAITING_READER;
       waiting = waiting | BIT(me);
       writersMet[me] = 0
    fi
  };
  if
  :: isIn -> isIn = false
  :: else -> waitToRead()
  fi;
  phase = 0
}

proctype Reader(byte me) {
  MUTEX_LOCALS;
  byte rounds;
  int word;
  int phase;
  bool isIn;
  bool wasLetIn;

  {
    do
    :: rounds < ROUNDS ->
       rounds++;
       acquireRead();
       if
       :: failure != 0 -> failure = 0
       :: else ->
          readersInside++;
          assert(writersInside == 0);
          readersInside--;
#ifdef BUG_DEPARTS_FIRST
          here = here & ~BIT(me);
#endif
          leaveReaders()
       fi;
       here = here & ~BIT(me)
    :: else -> break
    od;
    finished++
  } MAY_DIE
}

// ── writers ─────────────────────────────────────────────────────────────────────────────────────────────────

// A writer that enters, seen by the readers that wait.
inline countWriters() {
  step = 0;
  do
  :: step < THREADS ->
     if
     :: waiting & BIT(step) ->
        writersMet[step]++;
        assert(writersMet[step] <= 1)
     :: else -> writersMet[step] = 0
     fi;
     step++
  :: else -> break
  od;
  step = 0
}

inline waitToWrite() {
  do
  :: d_step {
       word = state;
       if
#ifndef BUG_READERS_UNSEEN
       :: (word & READERS_INSIDE) != 0
#endif
       :: else ->
          state = state + (MARK << WRITER_SHIFT) - WAITING_WRITER;
          writersWaiting--;
          word = 0;
          isIn = true;
          countWriters()
       fi
     };
     if
     :: isIn -> break
     :: else ->
        pause(ON_STATE, state, word);
        if
        :: failure != 0 ->
#ifndef BUG_KEEPS_THE_MUTEX
           handOn();
#endif
           break
        :: else
        fi
     fi
  od;
  isIn = false
}

inline acquireWrite() {
  here = here | BIT(me);
#ifdef BUG_ANNOUNCED_BEHIND_THE_MUTEX
  writersWaiting++;
#else
  atomic { state = state + WAITING_WRITER; writersWaiting++ };
#endif
  acquireMutex();
#ifdef BUG_ANNOUNCED_BEHIND_THE_MUTEX
  state = state + WAITING_WRITER;
#endif
  if
  :: failure == 0 -> waitToWrite()
  :: else
  fi;
  if
  :: failure != 0 ->
     atomic { state = state - WAITING_WRITER; word = state; writersWaiting-- };
     if
#ifndef BUG_GIVES_UP_IN_SILENCE
     :: (word & WAITING_WRITERS) == 0 && (word & WAITING_READERS) != 0 -> wake()
#endif
     :: else
     fi;
     word = 0
  :: else
  fi
}

inline releaseWrite() {
#ifdef BUG_MUTEX_FIRST
  handOn();
#endif
  d_step {
    count = (state & WAITING_READERS) / WAITING_READER;
    state = state & ~(WRITER | WAITING_READERS);
    if
#ifdef BUG_PHASE_IGNORED
    :: count > 0 -> state = state + count * READER
#else
    :: count > 0 -> state = (state + count * READER) ^ PHASE
#endif
    :: else
    fi;
    waiting = 0
  };
  if
  :: count > 0 -> wake()
  :: else
  fi;
  count = 0;
#ifndef BUG_MUTEX_FIRST
  handOn()
#endif
}

proctype Writer(byte me) {
  MUTEX_LOCALS;
  byte rounds;
  int word;
  bool isIn;
  byte count;

  {
    do
    :: rounds < ROUNDS ->
       rounds++;
       acquireWrite();
       if
       :: failure != 0 -> failure = 0
       :: else ->
          writersInside++;
          assert(writersInside == 1 && readersInside == 0);
          writersInside--;
          releaseWrite()
       fi;
       here = here & ~BIT(me)
    :: else -> break
    od;
    finished++
  } MAY_DIE
}

// ── death ───────────────────────────────────────────────────────────────────────────────────────────────────

proctype Monitor() {
end:
  do
  :: atomic { (here & dead) != 0 && !poisoned -> poisoned = true }
  od
}

proctype Fate() {
  byte victim;
#if DEATHS
  if
  :: atomic { skip ->
       do
       :: victim < THREADS - 1 -> victim++
       :: break
       od;
       dying = victim }
  :: skip
  fi
#endif
}

init {
  byte thread;
  atomic {
    do
    :: thread < WRITERS -> run Writer(thread); thread++
    :: thread >= WRITERS && thread < THREADS -> run Reader(thread); thread++
    :: thread == THREADS -> break
    od;
#if DEATHS
    run Monitor();
    run Fate();
#endif
    thread = 0
  };
  finished == THREADS;
  // Nobody is inside, nobody waits, whatever the phase is.
  assert(dead != 0 || ((state & ~PHASE) == 0 && here == 0 && owner == 0 && starving == 0 && sleepers == 0))
}

#ifdef LIVENESS
// Everybody leaves.
ltl ends { <> (finished == THREADS) }
#endif
