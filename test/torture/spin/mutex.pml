// The mutex of src/sync/mutex.ts: one owner, no lost wake-up, no lost hand-over, nobody overtaken more than the document says, and
// everybody leaves when an owner has died.
//
// THREADS threads take it ROUNDS times each. SLICES and TIMEOUTS: see mutex-steps.pml. DEATHS: 1 if a thread may die, at any step.
// POISONS: 1 if the database may be poisoned at any step for a reason of its own.

#define MUTEX_SLOTS THREADS
#include "mutex-steps.pml"

byte inside

proctype Thread(byte me) {
  MUTEX_LOCALS;
  byte rounds;

  {
    do
    :: rounds < ROUNDS ->
       rounds++;
       acquireMutex();
       if
       :: failure != 0 -> failure = 0
       :: else ->
          assert(owner == MARK);
          inside++;
          assert(inside == 1);
          inside--;
          handOn()
       fi
    :: else -> break
    od;
    finished++
  } MAY_DIE
}

#define IS_OWNER_DEAD (owner != 0 && (dead & BIT(owner - 1)))

// A thread ends without a word: the monitor looks whether it has the lock (workers/monitor.ts, watchThread), then the keeper whether it has been handed it since, and
// gives its slot to others (workers/keeper-thread.ts, #reclaim).
proctype Monitor() {
  byte seen;

end:
  dead != 0;
  if
  :: IS_OWNER_DEAD -> poisoned = true
  :: else ->
#ifndef BUG_NOT_FORGOTTEN
     // Mutex.forget
     starving = starving & ~dead;
#endif
#ifndef BUG_HAND_OVER_NOT_AWAITED
     // Whoever is about to hand the lock to it has it.
     seen = owner;
     seen == 0 || owner != seen || IS_OWNER_DEAD;
#endif
     if
     :: IS_OWNER_DEAD -> poisoned = true
     :: else
     fi
  fi
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
  fi;
#endif
#if POISONS
  poisoned = true
#endif
}

init {
  byte thread;
  atomic {
    do
    :: thread < THREADS -> run Thread(thread); thread++
    :: else -> break
    od;
#if DEATHS
    run Monitor();
#endif
#if DEATHS || POISONS
    run Fate();
#endif
    thread = 0
  };
  finished == THREADS;
  // The dead leave traces, which cost others a wake-up or a hand-over; the living leave none.
  assert(dead != 0 || (starving == 0 && sleepers == 0));
  assert(owner == 0 || poisoned || (dead & BIT(owner - 1)))
}

#ifdef LIVENESS
// Everybody leaves.
ltl ends { <> (finished == THREADS) }
#endif
