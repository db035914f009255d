/** What docs/reliability.md says whatever the figures are. */

export const PROMISES = `- What was acknowledged survives what its durability says; what a crash takes is always the end of what was written, over all keyspaces and threads. A batch is there as a whole or not at all.
- Damage to a file is reported, with file and place, and never served. Opening deletes nothing before all that the manifest names is read and checked.
- A write that the disk has no room for fails as a whole, and the database goes on. Any other error of a write or sync poisons it: reads go on, nothing acknowledged as durable is lost.
- A read, on whatever thread, sees one moment and whole batches; a snapshot never changes.
- A directory has one owner. A thread or process that dies takes the others neither with it nor into waiting for ever.

In full: [durability.md](durability.md), which says what survives what; [architecture.md](architecture.md), how it is done, and what is left of a damaged database; [concurrency.md](concurrency.md), what threads may rely on; [security.md](security.md), what hostile files and data cannot do.`

export const AFTER_TABLE = `The ids are those of the design. Each program draws what it does from a seed, ends at the first violation with the command that repeats it, and is tested itself by bugs that are put in for it to find. \`npm test\` runs each in small.
"Figures" are what the program must have done to count as passed, not a measure of speed; how many it does per second depends on the machine.`

export const PEERS = `The same entries, in the same batches, are written to each engine: two stages that go to sorted files, a third that stays in the log (lmdb has one file and no log; most of its pages are free again, and damage to them has no effect). Then, with one random damage to a copy: open, scan forward and backward, get every key, and some that are not there,
in a process of its own that may die of it. Engines are opened with their default options (classic-level has none to verify checksums on reads; lmdb has no checksums). Locks and logs that are meant for people are left out. "Reported" is an error of any call, or what \`db.recovery\` says;
"wrong" is a value, a missing or an additional entry, from a call that reported nothing. "Hung": no answer within 5 s, twice. varve must have 0 in all of the last four columns; only a log that is cut off right behind a batch may be silently shorter, because it cannot be told from one that ends there.`

export const REPEAT = `\`\`\`sh
npm install && npm install --prefix bench # the peers
npm run torture -- short                  # every program but peer-parity, about half an hour on two cores
npm run torture -- peer-parity --seconds 1800
npm run torture -- report                 # this page
\`\`\`

One program: \`npm run torture -- crash-points --seconds 60 --seed 7\`. With a seed and the same budget it does the same again, except where real threads and processes meet. \`torture -- all\` is the long form, of a night or more.`

export const NOT_COVERED: readonly string[] = [
  '**Other platforms.** Every figure is from the machines above. Processors that reorder more than x64 does (arm64), macOS and Windows are not tested; which runtimes are, the README says.',
  '**Real power cuts.** What a crash may leave is simulated, with a disk that loses, tears and reorders what was not synced; processes are killed for real. No machine had its power cut, and a disk or hypervisor that says "synced" and lies is not noticed before the power goes.',
  '**Real file systems** in all their kinds and ages, and network file systems.',
  '**Browsers** other than Chromium and Firefox on Linux (docs/browser.md); and only Chromium is killed at work.',
  '**Damage in memory**, before a checksum is made or after it was checked.',
  '**Malice.** Checksums are against accidents: who can write to the directory can make files that are right and say something else. What a file that was made to be opened cannot do to the process is in [security.md](security.md).',
  '**Long runs,** but for the seconds that the table has: a rare race may need days.',
]
