import { afterAll, describe, expect, it, vi } from 'vitest'
import { VarveError } from '../../src/errors.ts'
import {
  changingOperations,
  crashPolicies,
  FaultyFileSystem,
  type CrashPolicy,
  type Fault,
  type OperationKind,
} from '../support/faulty.ts'
import { mulberry32, pick } from '../support/random.ts'
import { emptyManifest, MiniEngine, type Manifest } from './mini-engine.ts'
import { payloadOf } from './support.ts'

vi.setConfig({ testTimeout: 120_000 })

/** A disk as a crash leaves it, and what must and may be found on it. */
interface Image {
  fs: FaultyFileSystem
  manifest: Manifest
  policy: CrashPolicy
  /** Batches that may be found: a prefix of these. */
  possible: string[]
  /** So many of them must be found, and so many after a power loss. */
  required: number
  durable: number
}

function imageOf(engine: MiniEngine, policy: CrashPolicy, random: () => number): Image {
  const alive = engine.batches.filter(({ state }) => state !== 'failed')
  const durable = alive.findLastIndex(({ state }) => state === 'sync') + 1
  const written = alive.findLastIndex(({ state }) => state === 'sync' || state === 'os') + 1
  return {
    fs: engine.fs.crashImage(policy, random),
    manifest: structuredClone(engine.manifest),
    policy,
    possible: alive.map((batch) => batch.digest),
    required: policy === 'keepAll' ? written : durable,
    // What a power loss left is all on the disk.
    durable: policy === 'keepAll' ? durable : alive.length,
  }
}

type Faults = (index: number, kind: OperationKind) => 'continue' | Fault

/** Opens, works at random, and takes images before operations that change something. */
async function live(
  start: { fs: FaultyFileSystem; manifest: Manifest; durable: number },
  random: () => number,
  steps: number,
  take: (engine: MiniEngine) => void,
  faults: Faults = () => 'continue',
): Promise<MiniEngine> {
  const engine = new MiniEngine(start.fs, start.manifest, start.durable)
  let index = 0
  start.fs.onOperation = (_, kind) => {
    if (changingOperations.has(kind)) take(engine)
    return faults(index++, kind)
  }
  try {
    await engine.open(random() < 0.5)
    for (let i = 0; i < steps && engine.writer?.poisoned === undefined; i++) {
      try {
        await step(engine, random)
      } catch (error) {
        if (!(error instanceof VarveError) || (error.code !== 'DISK_FULL' && error.code !== 'POISONED'))
          throw error
      }
    }
  } finally {
    start.fs.onOperation = undefined
    engine.release()
  }
  take(engine)
  return engine
}

let seeds = 0
const tally = { images: 0, cut: 0, shorter: 0 }

async function step(engine: MiniEngine, random: () => number): Promise<void> {
  const write = (): void => {
    const sizes = [12, 40, 300, 5000, 20_000]
    const count = 1 + pick(random, 3)
    const large = random() < 0.02
    const size = large ? 150_000 : (sizes[pick(random, sizes.length)] ?? 12)
    const payload = payloadOf(++seeds, size + pick(random, 9), count)
    engine.put(payload, random() < 0.4, random() < 0.5 ? 'append' : 'record', count)
  }
  const choice = random()
  if (choice < 0.6) write()
  else if (choice < 0.7) engine.writeOut()
  else if (choice < 0.78) engine.sync()
  else if (choice < 0.84) await engine.syncAsync(write)
  else if (choice < 0.92) await engine.rotate()
  else engine.sealOldest()
}

/** Recovery of a crash image finds a prefix of what was written, with all that was promised, and never refuses. */
async function verify(image: Image, random: () => number): Promise<void> {
  tally.images++
  const engine = new MiniEngine(image.fs.clone(), image.manifest)
  try {
    await engine.open(random() < 0.5)
  } catch (error) {
    throw new Error(`${image.policy}: refused, ${String(error)}`, { cause: error })
  } finally {
    engine.release()
  }
  const found = engine.batches.map((batch) => batch.digest)
  if (engine.wasCut) tally.cut++
  if (found.length < image.possible.length) tally.shorter++
  expect(found).toEqual(image.possible.slice(0, found.length))
  expect(found.length).toBeGreaterThanOrEqual(image.required)
}

function everyPolicy(engine: MiniEngine, random: () => number, chance: number, into: Image[]): void {
  for (const policy of crashPolicies) if (random() < chance) into.push(imageOf(engine, policy, random))
}

describe('after a crash', () => {
  // The oracle is worth nothing if nothing was ever lost or cut.
  afterAll(() => {
    expect(tally.cut).toBeGreaterThan(tally.images / 20)
    expect(tally.shorter).toBeGreaterThan(tally.images / 4)
  })

  it.each([1, 2, 3, 4])('a prefix is found with all that was promised (seed %i)', async (seed) => {
    const random = mulberry32(seed)
    const images: Image[] = []
    const fs = new FaultyFileSystem()
    await live({ fs, manifest: emptyManifest, durable: 0 }, random, 60, (engine) =>
      everyPolicy(engine, random, 0.7, images),
    )
    expect(images.length).toBeGreaterThan(100)
    for (const image of images) await verify(image, random)
    // Again, and a third time: crashes in recovery and soon after it.
    for (let depth = 0, previous = images; depth < 2; depth++) {
      const next: Image[] = []
      for (let i = 0; i < 16; i++) {
        const image = previous[pick(random, previous.length)]
        if (image === undefined) throw new Error('no image')
        const started = { ...image, fs: image.fs.clone() }
        await live(started, random, pick(random, 6), (engine) => {
          // Until the open is through its batches are those of the image.
          if (engine.writer === undefined) {
            for (const policy of crashPolicies)
              if (random() < 0.3) next.push(again(image, engine, policy, random))
          } else {
            everyPolicy(engine, random, 0.3, next)
          }
        })
      }
      for (const image of next) await verify(image, random)
      previous = next
    }
  })

  it.each([11, 12, 13, 14])('the same with a full disk now and then (seed %i)', async (seed) => {
    const random = mulberry32(seed)
    const images: Image[] = []
    const full: Faults = (_, kind) =>
      kind === 'write' && random() < 0.25
        ? random() < 0.3
          ? { error: 'ENOSPC' }
          : { shortWrite: pick(random, 6000) }
        : 'continue'
    const fs = new FaultyFileSystem()
    const engine = await live(
      { fs, manifest: emptyManifest, durable: 0 },
      random,
      80,
      (now) => everyPolicy(now, random, 0.6, images),
      full,
    )
    expect(engine.batches.some(({ state }) => state === 'failed')).toBe(true)
    for (const image of images) await verify(image, random)
  })

  it('the same after an I/O error at each operation', async () => {
    for (let failing = 0; ; failing++) {
      const random = mulberry32(99)
      const images: Image[] = []
      let hit = false
      const faults: Faults = (index, kind) => {
        if (hit || index < failing || !['write', 'sync', 'truncate'].includes(kind)) return 'continue'
        hit = true
        if (kind === 'sync') return { syncFails: failing % 2 === 0 ? 'dropsPages' : 'keepsPages' }
        return { error: 'EIO' }
      }
      const fs = new FaultyFileSystem()
      let engine: MiniEngine | undefined
      const record = (now: MiniEngine): void => {
        engine = now
      }
      await live({ fs, manifest: emptyManifest, durable: 0 }, random, 40, record, faults).catch(
        () => undefined,
      )
      if (!hit) break
      if (engine === undefined) throw new Error('not started')
      everyPolicy(engine, random, 1, images)
      for (const image of images) await verify(image, random)
    }
  })
})

/** An image taken while an open was under way: what may and must be found is what was before. */
function again(before: Image, engine: MiniEngine, policy: CrashPolicy, random: () => number): Image {
  const { required, possible, durable } = before
  const image = imageOf(engine, policy, random)
  return {
    ...image,
    possible,
    required: policy === 'keepAll' ? required : Math.min(required, durable),
    durable,
  }
}
