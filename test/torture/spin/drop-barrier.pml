// The registry of snapshots and the dropBarrier (src/version/snapshot-registry.ts): nothing is dropped that a registered S can ask for.
//
// The obligation of docs/concurrency.md: for every dropper and every S that `register` has returned and nobody has released, S ≥ B, or S is among those that
// the dropper has found live.
//
// READERS threads register an S ROUNDS times each, the newest or one that a range has read at, and release it. DROPPERS threads begin DROPS times each to drop. One thread
// raises visibleSeqno to LAST. SLOTS is the number of slots: one area has room for all.

#define BIT(number) (1 << (number))
#define SLOTS READERS

// ── shared words ────────────────────────────────────────────────────────────────────────────────────────────

byte visibleSeqno = 1
byte dropBarrier
byte used // CONTROL_SNAPSHOTS_USED
byte slots[SLOTS]

// ── what is known to the model only ─────────────────────────────────────────────────────────────────────────

byte registered[READERS] // the S that `register` has returned, 0 for none
byte lost                // S whose entries a dropper may have dropped, a bit for each

// ── registering ─────────────────────────────────────────────────────────────────────────────────────────────

// #take: a slot that was used and is free, or the next one, which somebody else may take first. CONTROL_SNAPSHOTS_LIVE only says whether to search, and
// a search may overlook one that is freed meanwhile: so either may happen.
inline take() {
  do
  :: atomic { used > 0 && slots[0] == 0 -> index = 0; slots[0] = s }; break
  :: atomic { used > 1 && slots[1] == 0 -> index = 1; slots[1] = s }; break
#if SLOTS > 2
  :: atomic { used > 2 && slots[2] == 0 -> index = 2; slots[2] = s }; break
#endif
#ifdef BUG_USED_COUNTED_AT_THE_END
  :: atomic { used < SLOTS && slots[used] == 0 -> index = used; slots[index] = s }; break
#else
  :: atomic { used < SLOTS -> used++ }
#endif
  od
}

// register. What a range has read at is from before, whatever was dropped since.
inline register() {
  s = visibleSeqno;
  if
  :: s > 1 -> s--
  :: true
  fi;
#ifdef BUG_BARRIER_BEFORE_THE_SLOT
  do
  :: dropBarrier > s -> s = visibleSeqno
  :: else -> break
  od;
  take();
#elif defined(BUG_BARRIER_UNSEEN)
  take();
#elif defined(BUG_NEW_S_NOT_CHECKED)
  take();
  if
  :: dropBarrier > s -> s = visibleSeqno; slots[index] = s
  :: else
  fi;
#elif defined(BUG_NEW_S_NOT_STORED)
  take();
  do
  :: dropBarrier > s -> s = visibleSeqno
  :: else -> break
  od;
#else
  take();
  do
  :: dropBarrier > s -> s = visibleSeqno; slots[index] = s
  :: else -> break
  od;
#endif
#ifdef BUG_USED_COUNTED_AT_THE_END
  atomic {
    if
    :: used == index -> used++
    :: else
    fi
  };
#endif
  atomic {
    registered[me] = s;
    assert(!(lost & BIT(s)))
  }
}

proctype Reader(byte me) {
  byte rounds
  byte s
  byte index

  do
  :: rounds < ROUNDS ->
     rounds++;
     register();
     // release
     atomic { assert(slots[index] == s); registered[me] = 0; slots[index] = 0; index = 0; s = 0 }
  :: else -> break
  od
}

// ── dropping ────────────────────────────────────────────────────────────────────────────────────────────────

// raiseBarrier: never downwards.
inline raiseBarrier() {
  visible = visibleSeqno;
#ifdef BUG_BARRIER_FALLS
  dropBarrier = visible;
  barrier = visible;
#else
  atomic {
    if
    :: dropBarrier < visible -> dropBarrier = visible
    :: else
    fi;
    barrier = dropBarrier
  };
#endif
  visible = 0
}

// #scan
inline scan() {
  seen = used;
  do
  :: step < seen -> found = found | BIT(slots[step]); step++
  :: else -> break
  od;
  seen = 0
}

proctype Dropper() {
  byte drops
  byte visible
  byte barrier
  byte seen
  byte step
  byte found

  do
  :: drops < DROPS ->
     drops++;
#ifdef BUG_SCANNED_BEFORE_THE_BARRIER
     scan();
     raiseBarrier();
#else
     raiseBarrier();
     scan();
#endif
     d_step {
       // Dropped: what reads at S below B ask for, but for those that were found.
       lost = lost | ((BIT(barrier) - 1) & ~found);
       step = 0;
       do
       :: step < READERS -> assert(registered[step] == 0 || !(lost & BIT(registered[step]))); step++
       :: else -> break
       od;
       barrier = 0;
       step = 0;
       found = 0
     }
  :: else -> break
  od
}

proctype Publisher() {
  do
  :: visibleSeqno < LAST -> visibleSeqno++
  :: else -> break
  od
}

init {
  byte thread
  atomic {
    do
    :: thread < READERS -> run Reader(thread); thread++
    :: else -> break
    od;
    thread = 0;
    do
    :: thread < DROPPERS -> run Dropper(); thread++
    :: else -> break
    od;
    run Publisher();
    thread = 0
  }
}

#ifdef LIVENESS
// Registering ends, however often others get in between.
ltl ends { <> (_nr_pr == 1) }
#endif
