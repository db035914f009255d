import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { halfCompressibleValues, randomSource, shuffledKeys } from './data.mjs'
import { formatRate, median, timed, withDirectory } from './measure.mjs'

const ENTRIES = Number(process.env.VARVE_BENCH_ENTRIES ?? 1_000_000)
const ENGINES = ['classic', 'varve']
const ENCODINGS = ['utf8', 'buffer']
const IN_FLIGHT = 1000
const JSON_MARK = '\n--json--\n'
const BAR = 1.5

/** The same calls of abstract-level's interface on classic-level and on varve: a fresh process each, in turn. */
export async function run({ rounds }) {
  const results = {}
  for (const encoding of ENCODINGS) {
    const figures = { classic: [], varve: [] }
    for (let round = 0; round < rounds; round++) {
      for (const engine of ENGINES) figures[engine].push(measureIn(engine, encoding))
    }
    results[encoding] = print(encoding, figures)
  }
  return results
}

function measureIn(engine, encoding) {
  const { status, stdout } = spawnSync(
    process.execPath,
    ['--expose-gc', fileURLToPath(import.meta.url), engine, encoding],
    { stdio: ['ignore', 'pipe', 'inherit'], encoding: 'utf8', maxBuffer: 1 << 24 },
  )
  if (status !== 0) throw new Error(`${engine} with ${encoding} failed`)
  return JSON.parse(stdout.split(JSON_MARK)[1])
}

function print(encoding, figures) {
  process.stdout.write(
    `\n### varve/level against classic-level, ${encoding}: ${ENTRIES} entries of 16+100 B\n\n`,
  )
  process.stdout.write(
    '| calls | classic-level | varve/level | ratio | lowest ratio | bar | |\n|---|--:|--:|--:|--:|--:|---|\n',
  )
  const rows = []
  for (const [name, { barred }] of Object.entries(figures.varve[0])) {
    const rates = (engine) => figures[engine].map((figure) => figure[name].operationsPerSecond)
    const classic = median(rates('classic'))
    const varve = median(rates('varve'))
    const ratios = rates('varve').map((rate, i) => rate / rates('classic')[i])
    const ratio = median(ratios)
    rows.push({
      name,
      classic: Math.round(classic),
      varve: Math.round(varve),
      ratio,
      lowestRatio: Math.min(...ratios),
      bar: barred ? BAR : undefined,
    })
    const bar = barred ? `${BAR} | ${ratio >= BAR ? 'reached' : 'MISSED'}` : ' | '
    process.stdout.write(
      `| ${name} | ${formatRate(classic)} | ${formatRate(varve)} | ${ratio.toFixed(2)} | ${Math.min(...ratios).toFixed(2)} | ${bar} |\n`,
    )
  }
  return rows
}

// ── one engine, in a process of its own ──────────────────────────────────────────────────────────────────

async function constructorOf(engine) {
  if (engine === 'classic') return (await import('classic-level')).ClassicLevel
  return (await import('../dist/level.js')).VarveLevel
}

async function measure(engine, encoding) {
  const Level = await constructorOf(engine)
  const format = (bytes) => (encoding === 'utf8' ? bytes.toString('latin1') : bytes)
  const keys = shuffledKeys(ENTRIES).map(format)
  // NOTE: ASCII, so that a string of 100 characters is 100 bytes under both encodings.
  const values = halfCompressibleValues(1000).map((value) =>
    format(value.map((byte) => 0x20 + (byte % 0x5f))),
  )
  const random = randomSource(7)
  const figures = {}
  const note = (name, operations, ms, barred = false) => {
    figures[name] = { operationsPerSecond: (operations / ms) * 1000, barred }
  }
  const options = { keyEncoding: encoding, valueEncoding: encoding }
  const [lowest, highest] = ['0', ':'].map((text) => format(Buffer.from(text)))

  // Batches into a database of their own; then it is settled for the reads, by the same call.
  await withDirectory(async (directory) => {
    const db = new Level(directory, options)
    await db.open()
    note(
      'batch: arrays of 1,000',
      ENTRIES,
      await timed(async () => {
        for (let at = 0; at < ENTRIES; at += 1000) {
          const operations = []
          for (let i = at; i < at + 1000; i++)
            operations.push({ type: 'put', key: keys[i], value: values[i % 1000] })
          await db.batch(operations)
        }
      }),
      true,
    )
    await db.compactRange(lowest, highest)
    await reads(db, keys, random, note)
    await db.close()
  })

  await withDirectory(async (directory) => {
    const db = new Level(directory, options)
    await db.open()
    note(
      'batch: chained, 1,000 each',
      ENTRIES,
      await timed(async () => {
        for (let at = 0; at < ENTRIES; at += 1000) {
          const batch = db.batch()
          for (let i = at; i < at + 1000; i++) batch.put(keys[i], values[i % 1000])
          await batch.write()
        }
      }),
      true,
    )
    await clears(db, keys, format, note)
    await db.close()
  })

  await withDirectory(async (directory) => {
    const db = new Level(directory, options)
    await db.open()
    note(
      'put: 1,000 in flight',
      ENTRIES,
      await timed(async () => {
        for (let at = 0; at < ENTRIES; at += IN_FLIGHT) {
          const writes = []
          for (let i = at; i < at + IN_FLIGHT; i++) writes.push(db.put(keys[i], values[i % 1000]))
          await Promise.all(writes)
        }
      }),
      true,
    )
    const awaited = Math.min(50_000, ENTRIES)
    note(
      'put: each awaited',
      awaited,
      await timed(async () => {
        for (let i = 0; i < awaited; i++) await db.put(keys[i], values[i % 1000])
      }),
      true,
    )
    note(
      'del: 1,000 in flight',
      ENTRIES / 2,
      await timed(async () => {
        for (let at = 0; at < ENTRIES / 2; at += IN_FLIGHT) {
          const writes = []
          for (let i = at; i < at + IN_FLIGHT; i++) writes.push(db.del(keys[i]))
          await Promise.all(writes)
        }
      }),
    )
    await db.close()
  })
  return figures
}

async function reads(db, keys, random, note) {
  const pick = () => keys[Math.floor(random() * keys.length)]
  const picks = (count) => Array.from({ length: count }, pick)
  // Warms caches and compilers.
  for (let i = 0; i < 200; i++) await db.getMany(picks(1000))
  for (let i = 0; i < 20_000; i++) db.getSync(pick())

  const awaited = picks(100_000)
  note(
    'get: each awaited',
    awaited.length,
    await timed(async () => {
      for (const key of awaited) if ((await db.get(key)) === undefined) throw new Error('lost')
    }),
    true,
  )
  const inFlight = picks(200_000)
  note(
    'get: 100 in flight',
    inFlight.length,
    await timed(async () => {
      for (let at = 0; at < inFlight.length; at += 100) {
        await Promise.all(inFlight.slice(at, at + 100).map((key) => db.get(key)))
      }
    }),
    true,
  )
  const synchronous = picks(200_000)
  note(
    'getSync',
    synchronous.length,
    await timed(() => {
      for (const key of synchronous) if (db.getSync(key) === undefined) throw new Error('lost')
    }),
    true,
  )
  const many = Array.from({ length: 300 }, () => picks(1000))
  note(
    'getMany: 1,000 keys',
    many.length * 1000,
    await timed(async () => {
      for (const some of many) await db.getMany(some)
    }),
    true,
  )
  const few = Array.from({ length: 10_000 }, () => picks(10))
  note(
    'getMany: 10 keys',
    few.length * 10,
    await timed(async () => {
      for (const some of few) await db.getMany(some)
    }),
    true,
  )

  const counted = async (name, step) => {
    let count = 0
    const ms = await timed(async () => {
      count = await step()
    })
    if (count !== keys.length) throw new Error(`${name}: ${count} entries`)
    note(name, count, ms, true)
  }
  await counted('iterator: for await', async () => {
    let count = 0
    for await (const entry of db.iterator()) count += entry.length >> 1
    return count
  })
  const inChunks = async (options) => {
    let count = 0
    const iterator = db.iterator(options)
    for (let entries = await iterator.nextv(1000); entries.length > 0; entries = await iterator.nextv(1000))
      count += entries.length
    await iterator.close()
    return count
  }
  await counted('iterator: nextv(1000)', () => inChunks({}))
  await counted('iterator: reverse, nextv(1000)', () => inChunks({ reverse: true }))
  await counted('keys: for await', async () => {
    let count = 0
    for await (const key of db.keys()) count += key.length >> 4
    return count
  })
  const starts = picks(10_000)
  note(
    'iterator: 10 entries from a key, all()',
    starts.length,
    await timed(async () => {
      for (const gte of starts) await db.iterator({ gte, limit: 10 }).all()
    }),
    true,
  )
}

/** Per entry removed; small ranges first, then a tenth of all, then the rest. */
async function clears(db, keys, format, note) {
  const key = (i) => format(Buffer.from(String(i).padStart(16, '0')))
  const clear = async (name, ranges, entries) => {
    note(
      name,
      entries,
      await timed(async () => {
        for (const range of ranges) await db.clear(range)
      }),
      true,
    )
  }
  const small = Array.from({ length: 1000 }, (_, i) => ({ gte: key(i * 100), lt: key(i * 100 + 50) }))
  await clear('clear: 50 entries each', small, 50_000)
  const tenth = Math.floor(keys.length / 10)
  await clear('clear: a tenth of all', [{ gte: key(tenth * 5), lt: key(tenth * 6) }], tenth)
  await clear('clear: everything', [undefined], keys.length - tenth - 50_000)
  if ((await db.keys({ limit: 1 }).all()).length !== 0) throw new Error('not empty')
}

const [engine, encoding] = process.argv.slice(2)
if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.stdout.write(`${JSON_MARK}${JSON.stringify(await measure(engine, encoding))}`)
}
