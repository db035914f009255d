import { describe, expect, it } from 'vitest'
import type { DatabaseEvents, EventName } from '../../src/engine/events.ts'
import { EVENT_NAMES } from '../../src/engine/events.ts'
import { FaultyFileSystem } from '../support/faulty.ts'
import { withSmallLevels } from '../support/small-compactions.ts'
import { openText, type TextDatabase } from './support.ts'

type Seen = { [N in EventName]: DatabaseEvents[N][] }

/** Everything that happens from now on. */
function listen(db: TextDatabase): Seen {
  const seen: Seen = { flush: [], compaction: [], stall: [], backgroundError: [], progress: [] }
  for (const name of EVENT_NAMES) db.on(name, (event) => (seen[name] as unknown[]).push(event))
  return seen
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('events', () => {
  it('tell of flushes, compactions, stalls and progress, and agree with stats()', async () => {
    const db = withSmallLevels(await openText(undefined, { memtableSize: 8192 }))
    const seen = listen(db)
    for (let i = 0; i < 5000; i++) db.putSync(String((i * 7919) % 900), 'x'.repeat(50))
    await db.flush()
    await db.compact()
    await db.verify()
    await turn()
    const stats = db.stats()
    const [keyspace] = stats.keyspaces
    expect(seen.flush.length).toBe(keyspace?.flushes)
    expect(seen.flush.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(keyspace?.flushedBytes)
    const merges = seen.compaction.filter(({ readBytes }) => readBytes > 0)
    expect(merges.length).toBe(keyspace?.compactions)
    expect(merges.reduce((sum, { readBytes }) => sum + readBytes, 0)).toBe(keyspace?.compactionReadBytes)
    expect(merges.reduce((sum, { writtenBytes }) => sum + writtenBytes, 0)).toBe(
      keyspace?.compactionWrittenBytes,
    )
    expect(seen.stall.length).toBe(stats.stalls)
    expect(stats.stalls).toBeGreaterThan(0)
    expect(stats.stalledMs).toBeGreaterThan(0)
    expect(new Set(seen.progress.map(({ job }) => job))).toEqual(new Set(['compact', 'verify']))
    for (const job of ['compact', 'verify'] as const) {
      const last = seen.progress.filter((event) => event.job === job).at(-1)
      expect(last?.doneBytes).toBe(last?.totalBytes)
    }
    expect([seen.backgroundError, stats.backgroundError]).toEqual([[], undefined])
    expect(keyspace?.levels).toMatchObject([
      { level: 6, runs: 1, entries: 900, tombstones: 0, hiddenVersions: 0 },
    ])
    expect(keyspace?.spaceAmplification).toBe(1)
    expect(keyspace?.readAmplification).toBe(1)
    expect(keyspace?.writeAmplification).toBeGreaterThan(1)
    await db.close()
  })

  it('tell of what fails in the background', async () => {
    const fileSystem = new FaultyFileSystem()
    const db = await openText(fileSystem, { memtableSize: 8192 })
    const seen = listen(db)
    fileSystem.onOperation = (_index, kind, name) =>
      kind === 'create' && name.endsWith('.sst') ? { error: 'ENOSPC' } : 'continue'
    for (let i = 0; i < 300; i++) db.putSync(String(i), 'x'.repeat(50))
    for (let i = 0; i < 10; i++) await turn()
    expect(seen.backgroundError[0]).toMatchObject({ job: 'flush', error: { code: 'DISK_FULL' } })
    expect(db.stats().backgroundError).toContain('Cannot create')
    fileSystem.onOperation = undefined
    await db.flush()
    expect(db.stats().backgroundError).toBeUndefined()
    await db.close()
  })

  it('reach those who listen, later than the call, and no others', async () => {
    const db = await openText()
    const calls: string[] = []
    const first = (): void => void calls.push('first')
    const second = (): void => void calls.push('second')
    expect(db.on('flush', first).on('flush', second).on('flush', second).off('flush', first)).toBe(db)
    db.putSync('a', '1')
    db.flushSync()
    expect(calls).toEqual([])
    await turn()
    expect(calls).toEqual(['second'])
    expect(() => db.on('flushed' as never, first)).toThrow(TypeError)
    expect(() => db.on('flush', 1 as never)).toThrow(TypeError)
    await db.close()
  })
})
