import type { Bugs } from './bug.ts'
import { DURABILITY_BUGS } from './durability.ts'
import { JOURNAL_BUGS } from './journal.ts'
import { MANIFEST_BUGS } from './manifest.ts'
import { READ_BUGS } from './reads.ts'
import { RECOVERY_BUGS } from './recovery.ts'
import { TABLE_BUGS } from './tables.ts'

/** All bugs that `bug-bench` seeds: failures in the field (RELIABILITY.md, section 5), and mutants of what the durability of this engine rests on. */
export const CATALOG: Bugs = {
  ...JOURNAL_BUGS,
  ...DURABILITY_BUGS,
  ...MANIFEST_BUGS,
  ...RECOVERY_BUGS,
  ...TABLE_BUGS,
  ...READ_BUGS,
}
