/**
 * The torture programs (RELIABILITY.md, section 3), in the order in which they run: what fails fast comes first.
 *
 * `run`: the function that the file of the same name exports. It takes { seed, seconds, ... } and returns a summary: flat figures by name.
 * `short`: what `torture -- short` gives it; `seconds` is when it begins nothing new, enough on two cores for the figures of `bars`.
 * `long`: the same for `torture -- all`. `npm test` runs each at a quarter of `short`.
 * `bars`: figures of the summary that `short` has to reach.
 */
export const PROGRAMS = [
  {
    name: 'spin',
    run: 'spin',
    test: 'T13',
    short: { seconds: 30 },
    long: { seconds: 600 },
    bars: { bugsFound: 69 },
  },
  {
    name: 'sched',
    run: 'sched',
    test: 'T11',
    short: { seconds: 60 },
    long: { seconds: 3600 },
    bars: { schedules: 2_000_000 },
  },
  {
    name: 'crash-points',
    run: 'crashPoints',
    test: 'T01, T01b',
    short: { seconds: 120 },
    long: { seconds: 3600 },
    bars: { images: 60_000, doubleCrashes: 10_000 },
  },
  {
    name: 'io-errors',
    run: 'ioErrors',
    test: 'T03',
    short: { seconds: 50 },
    long: { seconds: 3600 },
    bars: { runs: 12_000 },
  },
  {
    name: 'salvage',
    run: 'salvage',
    test: 'issue: repair and salvage',
    short: { seconds: 30 },
    long: { seconds: 3600 },
    bars: { runs: 500 },
  },
  {
    name: 'isolation',
    run: 'isolation',
    test: 'T10',
    short: { seconds: 100 },
    long: { seconds: 3600 },
    bars: { operations: 100_000 },
  },
  {
    name: 'gc-under-load',
    run: 'gcUnderLoad',
    test: 'issue: version GC under load',
    short: { seconds: 60 },
    long: { seconds: 1800 },
    bars: {},
  },
  {
    name: 'bug-bench',
    run: 'bugBench',
    test: 'T22',
    short: { seconds: 180 },
    long: { seconds: 3600, all: 1 },
    bars: { bugs: 8, percentKilled: 90 },
  },
]
