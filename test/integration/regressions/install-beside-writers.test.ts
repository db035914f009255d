/**
 * A writer that holds the journal lock finds the active memtable through the newest SuperVersion. Flushes and compactions replaced that one, and freed it, without the lock: the
 * writer went on in memory that was something else by then, and wrote into another keyspace's memtable or out of bounds. Found by isolation.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { TREE_SUPERVERSION } from '../../../assembly/memory/layout.ts'
import { open } from '../../../src/index.ts'
import { engineOf } from './support.ts'

it('a compaction puts its tables in place when no thread is writing', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'varve-install-'))
  try {
    const db = await open(join(directory, 'db'), { keyEncoding: 'utf8', valueEncoding: 'utf8', threads: 1 })
    const { thread, kernel, keeper } = engineOf(db)
    for (let i = 0; i < 3; i++) {
      db.putSync('a', String(i))
      db.putSync('b', String(i))
      await db.flush()
    }
    const [identity] = keeper.call('keyspaces')
    const superVersion = (): number =>
      Atomics.load(kernel.words, ((identity?.record ?? 0) + TREE_SUPERVERSION) >>> 2)
    thread.lockJournal()
    const before = superVersion()
    let hasEnded = false
    const everything = { lower: undefined, upper: undefined }
    const job = { signal: undefined, onProgress: () => {} }
    const compacting = keeper.ask('compact', undefined, everything, job).then(() => (hasEnded = true))
    try {
      await setTimeout(500)
      expect(superVersion()).toBe(before)
      expect(hasEnded).toBe(false)
    } finally {
      thread.unlockJournal()
    }
    await compacting
    expect(superVersion()).not.toBe(before)
    expect(db.getSync('a')).toBe('2')
    await db.close()
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
})
