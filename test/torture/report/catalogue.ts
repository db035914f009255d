/** The tests that RELIABILITY.md asks for, each in a line for docs/reliability.md. What is here and has no program is said to be missing. */

export interface Test {
  /** Its id in RELIABILITY.md; '' for a program that came later. */
  readonly id: string
  /** Of the program, as it is called or was to be called. */
  readonly name: string
  readonly does: string
  /** Where it is done, if not by a torture program. */
  readonly suite?: string
}

export const CATALOGUE: readonly Test[] = [
  {
    id: 'T01',
    name: 'crash-points',
    does: 'Takes images of what a crash may leave before every operation of a random workload that changes the disk; opens each, compares it with the model, writes to it, opens it again. Some crash a second time, at every operation of their recovery.',
  },
  {
    id: 'T02',
    name: 'bounded-exhaustive',
    does: 'The same at every point of every sequence of up to three operations of ten kinds.',
  },
  {
    id: 'T03',
    name: 'io-errors',
    does: 'Has every operation of the file system fail in every way that it can, once or from then on: the error is reported, nothing acknowledged is lost, nothing stays open.',
  },
  {
    id: 'T04',
    name: 'oom',
    does: 'Has every allocation of memory fail, one after the other: a typed error that tells the truth, and afterwards everything works.',
  },
  {
    id: 'T05',
    name: 'kill9',
    does: 'Kills real processes with four threads at work, at random moments, also while they open and close: what was acknowledged is there, batches are whole, it opens.',
  },
  {
    id: 'T06',
    name: 'bitflip',
    does: 'Changes every byte of a database with all kinds of files, one at a time: it is reported, never served, and no open deletes anything.',
  },
  {
    id: 'T07',
    name: 'file-faults',
    does: 'Cuts off files at every byte, extends, deletes, exchanges and replaces them, puts foreign ones between them: reported, never an empty database, and nothing is deleted.',
  },
  {
    id: 'T08',
    name: 'metamorphic',
    does: 'Runs the same history under different options, clocks, crashes and reopens: everything that can be observed is the same.',
  },
  {
    id: 'T09',
    name: 'model',
    does: 'Random commands, shortened when they fail, on the database and on a model of it: snapshots, iterators, batches, ranges.',
    suite: 'npm test -- model',
  },
  {
    id: 'T10',
    name: 'isolation',
    does: 'Four threads read and write one database with flushes and compactions beside them: every read sees one moment and whole batches, in the order of commits.',
  },
  {
    id: 'T11',
    name: 'sched',
    does: 'Goes through the interleavings of threads one access at a time, on the real kernel and engine, with threads that die or trap at every point.',
  },
  {
    id: 'T12',
    name: 'stress-threads',
    does: 'Real threads on the shared skiplist, cache and locks, with random delays and an allocator that shreds what it is given back.',
  },
  {
    id: 'T13',
    name: 'spin',
    does: 'Models of the locks and protocols between threads, checked in full by Spin; each has variants with a seeded bug that must be found.',
  },
  {
    id: 'T14',
    name: 'fuzz-decoders',
    does: 'Gives everything that decodes bytes from a file damaged and invented ones: no trap, no access outside, no large allocation.',
  },
  {
    id: 'T15',
    name: 'soak',
    does: 'A mixed workload with reopens, and handles left to the garbage collector: memory, descriptors and files stay as many as they were.',
  },
  {
    id: 'T16',
    name: 'lock',
    does: 'Processes, threads and copies of the library race for one directory, and holders are killed: never two owners, and the next one gets it within a second.',
  },
  {
    id: 'T17',
    name: 'compat',
    does: 'Databases of other format versions: read, or refused without a byte being changed.',
  },
  {
    id: 'T18',
    name: 'limits',
    does: 'Keys, values, names and options at their limits and just beyond, and of every wrong type: kept, or refused by a typed error that changes nothing.',
  },
  {
    id: 'T19',
    name: 'durability-audit',
    does: 'Checks the traces of simulated disks, and of real runs under strace: what was acknowledged had been synced before, and files before what names them.',
  },
  {
    id: 'T20',
    name: 'browser',
    does: 'Kills Chromium, or the processes of its pages, while a worker writes to its database there: what was acknowledged is there afterwards.',
  },
  {
    id: 'T20',
    name: 'takeover',
    does: 'Two tabs write to one database in Chromium and Firefox; the one that has it goes, and the other takes over: what either was told to be written is there.',
  },
  {
    id: 'T21',
    name: 'determinism',
    does: 'With random bytes and the clock given, the same workload leaves the same bytes in every file, in processes that differ in all that should not matter.',
  },
  {
    id: 'T22',
    name: 'bug-bench',
    does: 'Seeds bugs in the engine, those that other engines had among them, and counts how many the other programs find.',
  },
  {
    id: 'T23',
    name: 'peer-parity',
    does: 'Flips bits and cuts off files under varve, classic-level and lmdb, and counts what each makes of it (below).',
  },
  {
    id: '',
    name: 'canaries',
    does: 'Fills all free memory with a pattern again and again: it is never in a file; and what was removed is in none when a compaction has dropped it.',
  },
  {
    id: '',
    name: 'salvage',
    does: 'Opens databases with several damages at once by `recovery: salvage`: nothing that was not written is found, what is lost is said, the files are kept as they were.',
  },
  {
    id: '',
    name: 'gc-under-load',
    does: 'Threads write and read with short and long snapshots; when all is removed, no more memory, files and descriptors are in use than before.',
  },
]
