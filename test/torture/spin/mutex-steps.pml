// The words and steps of src/sync/mutex.ts and wait.ts, for mutex.pml and for the writers' mutex of rw-lock.pml.
//
// Each step has one sequentially consistent access, as Atomics are. A look and the compare-and-exchange that follows it are one step: an
// exchange that fails has changed nothing, and looks again. MUTEX_SLOTS threads use the mutex, slots 0 and up. Each inline has the name of the method
// that it follows; mutexWait is `#wait`, acquireMutex is `acquireWith`, which `acquire` comes to as well.

#define NONE 255
#define MARK (me + 1)
#define BIT(slot) (1 << (slot))

// What a thread sleeps on.
#define ON_OWNER 1
#define ON_STATE 2

// Why a thread gives up.
#define LOCK_TIMEOUT 1
#define POISONED 2

byte owner // 0 when free, else slot + 1
byte sleepers
byte starving // a bit for each slot
bool poisoned

// Behind all that a thread does: it may end between any two steps.
#if DEATHS
#define MAY_DIE unless { dying == me -> atomic { dead = dead | BIT(me); finished++ } }
#else
#define MAY_DIE
#endif

byte asleep[THREADS]
byte dead // a bit for each slot
byte dying = NONE
byte finished

// How often, over all threads, a slice of sleep ends by itself, and an acquisition has taken too long. After that only Atomics.notify
// ends a sleep, so a wake-up that is lost leaves a thread asleep forever, which Spin reports as an invalid end state.
byte slicesLeft = SLICES
byte timeoutsLeft = TIMEOUTS

// Other owners since a slot is among the starving.
byte overtaken[MUTEX_SLOTS]

// What a thread that uses the mutex keeps for itself.
#define MUTEX_LOCALS \
  byte seen; \
  byte step; \
  byte heir = NONE; \
  bool isStarving; \
  byte failure

inline notifyAll(place) {
  d_step {
    step = 0;
    do
    :: step < THREADS ->
       if
       :: asleep[step] == place -> asleep[step] = 0
       :: else
       fi;
       step++
    :: else -> break
    od;
    step = 0
  }
}

// NOTE: any of the sleepers, though engines wake the first.
inline notifyOne(place) {
  if
  :: asleep[0] == place -> asleep[0] = 0
#if MUTEX_SLOTS > 1
  :: asleep[1] == place -> asleep[1] = 0
#endif
#if MUTEX_SLOTS > 2
  :: asleep[2] == place -> asleep[2] = 0
#endif
  :: else
  fi
}

// Wait.pause. NOTE: a spin is a look at the word that comes later, so the spins before it add nothing. A poison that comes between the look
// at its word and the sleep is found after the slice, as one that comes later.
inline pause(place, shared, expected) {
  atomic {
    if
#ifndef BUG_POISON_UNSEEN
    :: poisoned -> failure = POISONED
    :: !poisoned && timeoutsLeft > 0 -> timeoutsLeft--; failure = LOCK_TIMEOUT
    :: !poisoned ->
#else
    :: timeoutsLeft > 0 -> timeoutsLeft--; failure = LOCK_TIMEOUT
    :: true ->
#endif
       if
#ifndef BUG_SLEEPS_WITHOUT_COMPARING
       :: shared != expected
#endif
       :: else -> asleep[me] = place
       fi;
       expected = 0
    fi
  };
  if
  :: asleep[me] == 0
  // NOTE: a wake-up that went to a thread that died costs a slice.
  :: atomic { asleep[me] != 0 && (poisoned || dead != 0) -> asleep[me] = 0 }
  :: atomic { asleep[me] != 0 && slicesLeft > 0 -> slicesLeft--; asleep[me] = 0 }
  fi
}

// Part of each step that changes the owner.
inline countOvertaken(newOwner) {
  step = 0;
  do
  :: step < MUTEX_SLOTS ->
     if
     :: (starving & BIT(step)) && step != newOwner ->
        overtaken[step]++;
        assert(overtaken[step] <= MUTEX_SLOTS - 1)
     :: else -> overtaken[step] = 0
     fi;
     step++
  :: else -> break
  od;
  step = 0
}

// A look at the owner, and #take if there is none. `seen` is 0 if that went well.
inline take() {
  d_step {
    seen = owner;
    if
    :: owner == 0 -> owner = MARK; countOvertaken(me)
    :: else
    fi
  }
}

inline handOn() {
#ifdef BUG_SLEEPERS_BEFORE_STORE
  seen = sleepers;
#endif
#ifndef BUG_NOBODY_STARVES
  if
  :: starving == 0
  :: else ->
     step = 1;
     do
     :: step <= MUTEX_SLOTS && heir == NONE ->
#ifdef BUG_HEIR_UNCHECKED
        if
        :: (starving & BIT((me + step) % MUTEX_SLOTS)) != 0 -> heir = (me + step) % MUTEX_SLOTS
        :: else
        fi;
        if
        :: heir != NONE -> starving = starving & ~BIT(heir)
        :: else
        fi;
        step++
#else
        d_step {
          if
          :: (starving & BIT((me + step) % MUTEX_SLOTS)) != 0 ->
             heir = (me + step) % MUTEX_SLOTS;
             starving = starving & ~BIT(heir)
          :: else
          fi;
          step++
        }
#endif
     :: else -> break
     od;
     step = 0
  fi;
#endif
  if
  :: heir != NONE ->
     d_step {
       owner = heir + 1;
       countOvertaken(heir);
       heir = NONE
     };
#ifdef BUG_WAKES_ONE_FOR_THE_HEIR
     atomic { notifyOne(ON_OWNER) }
#else
     notifyAll(ON_OWNER)
#endif
  :: else ->
     owner = 0;
     if
#ifdef BUG_SLEEPERS_BEFORE_STORE
     :: seen != 0 ->
#else
     :: sleepers != 0 ->
#endif
        atomic { notifyOne(ON_OWNER) }
     :: else
     fi
  fi;
  seen = 0
}

// #receive
inline receive() {
  do
  :: atomic { owner == MARK ->
       if
       :: failure == LOCK_TIMEOUT -> failure = 0
       :: else
       fi };
     if
     :: failure != 0 -> handOn()
     :: else
     fi;
     break
  // The mark may be left on the lock: its thread gets POISONED whenever it asks for it again (#refuseOwner).
  :: atomic { owner != MARK && poisoned -> failure = POISONED }; break
  od
}

// #wait. `failure` says afterwards whether the lock is not held.
inline mutexWait() {
  sleepers++;
  do
  :: take();
     if
     :: seen == MARK -> break
     :: seen == 0 ->
#ifndef BUG_STAYS_STARVING
        if
        :: isStarving -> starving = starving & ~BIT(me)
        :: else
        fi;
#endif
        break
     :: else ->
        pause(ON_OWNER, owner, seen);
        if
        :: failure != 0 ->
           if
           :: isStarving ->
              d_step {
                if
                :: (starving & BIT(me)) != 0 -> starving = starving & ~BIT(me); isStarving = false
                :: else
                fi
              };
              if
#ifndef BUG_GIVES_UP_THE_HAND_OVER
              :: isStarving -> receive()
#endif
              :: else
              fi
           :: else
           fi;
           break
        :: failure == 0 && !isStarving ->
           d_step {
             assert((starving & BIT(me)) == 0);
             starving = starving | BIT(me);
             overtaken[me] = 0;
             isStarving = true
           }
        :: else
        fi
     fi
  od;
  atomic {
    sleepers--;
    seen = 0;
    isStarving = false
  }
}

// acquireWith
inline acquireMutex() {
  take();
  if
  :: seen == 0
  :: else -> mutexWait()
  fi
}
