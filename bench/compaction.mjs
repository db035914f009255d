import { spawnSync } from 'node:child_process'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { open } from '../dist/index.js'
import { settled } from './engines/settled.mjs'
import { halfCompressibleValues, randomSource, shuffledKeys } from './data.mjs'
import { idleProcessBytes } from './idle-process.mjs'
import { timed, withDirectory } from './measure.mjs'

const LARGE_ENTRIES = Number(process.env.VARVE_BENCH_LARGE_ENTRIES ?? 10_000_000)
const ENTRIES = 1_000_000
const READS = 2_000_000
const ENTRY_BYTES = 116
const MEMORY_LIMIT = 256 << 20
const JSON_MARK = '\n--json--\n'

/** What compactions cost and give back: each part in a fresh process, whose memory is its own. */
export async function run() {
  const results = {}
  for (const part of Object.keys(PARTS)) {
    const { status, stdout } = spawnSync(process.execPath, [fileURLToPath(import.meta.url), part], {
      stdio: ['ignore', 'pipe', 'inherit'],
      encoding: 'utf8',
      maxBuffer: 1 << 24,
    })
    if (status !== 0) throw new Error(`the part '${part}' failed`)
    const [report, json] = stdout.split(JSON_MARK)
    process.stdout.write(report)
    results[part] = JSON.parse(json)
  }
  return results
}

const PARTS = { large, deletes, updates, queue }

/** 10,000,000 random entries: load, settle, verify, reopen. */
async function large() {
  return withDirectory(async (directory) => {
    const db = await open(directory, { memoryLimit: MEMORY_LIMIT })
    const random = randomSource(5)
    const values = halfCompressibleValues(1000)
    const loadMs = await timed(async () => {
      for (let i = 0; i < LARGE_ENTRIES; i++) {
        db.putSync(String(Math.floor(random() * 1e15)).padStart(16, '0'), values[i % 1000])
        if (i % 10_000 === 0) await turn()
      }
      await db.flush()
    })
    const loaded = figures(db)
    const settleMs = await timed(() => settled(db))
    const settledFigures = figures(db)
    const before = figures(db)
    const compactMs = await timed(() => db.compact())
    const after = figures(db)
    const readBytes = after.compactionReadBytes - before.compactionReadBytes
    // Reads fill the block cache, which belongs to the resident memory.
    const readMs = await timed(async () => {
      const again = randomSource(5)
      for (let i = 0; i < READS; i++) {
        const key = String(Math.floor(again() * 1e15)).padStart(16, '0')
        if (db.getSync(key) === undefined) throw new Error('lost')
      }
    })
    const report = await db.verify()
    if (report.problems.length > 0) throw new Error(report.problems[0].message)
    const writeAmplification = after.writeAmplification
    await db.close()
    let again
    const openMs = await timed(async () => {
      again = await open(directory, { memoryLimit: MEMORY_LIMIT })
    })
    await again.close()
    const bytes = LARGE_ENTRIES * ENTRY_BYTES
    const residentMegabytes = process.resourceUsage().maxRSS / 1024
    const emptyMegabytes = idleProcessBytes(0) / 2 ** 20
    const limit = emptyMegabytes + (1.1 * MEMORY_LIMIT) / 2 ** 20
    const rate = readBytes / 1e6 / (compactMs / 1000)
    const busy = loadMs + settleMs
    print(`${LARGE_ENTRIES} random entries of 16+100 B, memoryLimit 256 MiB`, [
      ['load', `${(LARGE_ENTRIES / loadMs).toFixed(0)} k/s`],
      ['settled after', `${(settleMs / 1000).toFixed(1)} s`],
      ['compaction, input read', `${rate.toFixed(0)} MB/s`, '60 MB/s', rate >= 60],
      [
        'compactions while loading and settling',
        `${(settledFigures.compactionReadBytes / 1e6 / (busy / 1000)).toFixed(0)} MB/s beside the load`,
      ],
      [
        'resident memory',
        `${residentMegabytes.toFixed(0)} MiB`,
        `${limit.toFixed(0)} MiB`,
        residentMegabytes <= limit,
      ],
      space('space after the load', loaded.diskBytes, bytes),
      space('space after settling', settledFigures.diskBytes, bytes, 1.3),
      space('space after compact()', after.diskBytes, bytes),
      ['write amplification, settled', settledFigures.writeAmplification.toFixed(2)],
      ['write amplification, with compact()', writeAmplification.toFixed(2)],
      ['getSync, random, cold to warm', `${(READS / readMs).toFixed(0)} k/s`],
      ['verify', `${report.entries} entries, no problem`],
      ['reopen', `${openMs.toFixed(1)} ms`, '200 ms', openMs <= 200],
    ])
    return {
      loadMs,
      settleMs,
      compactMs,
      readBytes,
      residentMegabytes,
      emptyMegabytes,
      loaded,
      settledFigures,
      after,
      openMs,
    }
  })

  function figures(db) {
    const [keyspace] = db.stats().keyspaces
    return { ...keyspace, diskBytes: keyspace.tableBytes }
  }
}

/** 1,000,000 entries, of which nine tenths are deleted in random order. */
async function deletes() {
  return withDirectory(async (directory) => {
    const db = await open(directory)
    const keys = shuffledKeys(ENTRIES)
    const values = halfCompressibleValues(1000)
    for (let i = 0; i < ENTRIES; i++) db.putSync(keys[i], values[i % 1000])
    await settled(db)
    const full = tableBytes(directory)
    const left = ENTRIES / 10
    const ms = await timed(async () => {
      for (let i = left; i < ENTRIES; i++) {
        db.deleteSync(keys[i])
        if (i % 1000 === 0) await turn()
      }
    })
    await db.flush()
    await settled(db)
    const now = tableBytes(directory)
    await db.compact()
    const compacted = tableBytes(directory)
    let count = 0
    for (const key of db.keysSync()) if (key !== undefined) count++
    if (count !== left) throw new Error(`${count} entries`)
    await db.close()
    print(`${ENTRIES} entries, nine tenths deleted`, [
      ['deletes', `${((ENTRIES - left) / ms).toFixed(0)} k/s`],
      ['tables before', megabytes(full)],
      ['after the background settled', megabytes(now)],
      ['after compact()', megabytes(compacted)],
      space('space after compact()', compacted, left * ENTRY_BYTES),
    ])
    return { full, now, compacted, ms }
  })
}

/** 100,000 keys overwritten ten times each, in random order. */
async function updates() {
  return withDirectory(async (directory) => {
    const db = await open(directory)
    const keys = shuffledKeys(ENTRIES / 10)
    const values = halfCompressibleValues(1000)
    const random = randomSource(9)
    let most = 0
    const ms = await timed(async () => {
      for (let i = 0; i < ENTRIES; i++) {
        db.putSync(keys[Math.floor(random() * keys.length)], values[i % 1000])
        if (i % 1000 !== 0) continue
        await turn()
        most = Math.max(most, tableBytes(directory))
      }
    })
    await db.flush()
    await settled(db)
    const now = tableBytes(directory)
    await db.compact()
    const compacted = tableBytes(directory)
    await db.close()
    print(`${ENTRIES} updates of ${ENTRIES / 10} keys`, [
      ['updates', `${(ENTRIES / ms).toFixed(0)} k/s`],
      ['tables at most', megabytes(most)],
      ['after the background settled', megabytes(now)],
      space('space after compact()', compacted, (ENTRIES / 10) * ENTRY_BYTES),
    ])
    return { most, now, compacted, ms }
  })
}

/** Push at the tail, pop at the head: 1,000,000 of each, 1,000 entries in between. */
async function queue() {
  const results = {}
  for (const [kind, remove] of [
    ['delete', (db, key) => db.deleteSync(key)],
    ['deleteWeak', (db, key) => db.deleteWeakSync(key)],
  ]) {
    results[kind] = await withDirectory(async (directory) => {
      const db = await open(directory, { keyEncoding: 'utf8' })
      const values = halfCompressibleValues(1000)
      const key = (i) => String(i).padStart(16, '0')
      let tail = 0
      for (; tail < 1000; tail++) db.putSync(key(tail), values[tail % 1000])
      const rates = []
      let most = 0
      for (let part = 0; part < 20; part++) {
        const ms = await timed(async () => {
          for (let i = 0; i < ENTRIES / 20; i++, tail++) {
            db.putSync(key(tail), values[tail % 1000])
            const [head] = db.firstSync()
            if (head !== key(tail - 1000)) throw new Error('not the head')
            remove(db, head)
            if (i % 100 === 0) await turn()
          }
        })
        rates.push(ENTRIES / 20 / ms)
        most = Math.max(most, tableBytes(directory))
      }
      await db.flush()
      await settled(db)
      const now = tableBytes(directory)
      await db.close()
      const mean = (some) => some.reduce((sum, rate) => sum + rate) / some.length
      const start = mean(rates.slice(0, 5))
      const end = mean(rates.slice(-5))
      print(`a queue of 1,000 entries, ${ENTRIES} pushed and popped with ${kind}`, [
        ['push and pop, first quarter', `${start.toFixed(0)} k/s`],
        ['push and pop, last quarter', `${end.toFixed(0)} k/s`],
        ['last ÷ first', (end / start).toFixed(2), '0.80', end / start >= 0.8],
        ['tables at most', megabytes(most)],
        ['after the background settled', megabytes(now)],
      ])
      return { rates, most, now }
    })
  }
  return results
}

function turn() {
  return new Promise((resolve) => setImmediate(resolve))
}

function tableBytes(directory) {
  return readdirSync(directory)
    .filter((name) => name.endsWith('.sst'))
    .reduce((sum, name) => sum + statSync(join(directory, name)).size, 0)
}

function megabytes(bytes) {
  return `${(bytes / 1e6).toFixed(1)} MB`
}

function space(name, bytes, dataBytes, bar) {
  const share = bytes / dataBytes
  const cell = `${megabytes(bytes)}, ${share.toFixed(2)} × data`
  return bar === undefined ? [name, cell] : [name, cell, String(bar), share <= bar]
}

function print(title, rows) {
  process.stdout.write(`\n${title}\n\n| what | figure | bar | |\n|---|--:|--:|---|\n`)
  for (const [name, figure, bar, isReached] of rows) {
    const verdict = bar === undefined ? '' : isReached ? 'reached' : 'MISSED'
    process.stdout.write(`| ${name} | ${figure} | ${bar ?? ''} | ${verdict} |\n`)
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const result = await PARTS[process.argv[2]]()
  process.stdout.write(`${JSON_MARK}${JSON.stringify(result)}`)
}
