/**
 * `recovery: 'salvage'` on databases with several damages at once: it opens, finds nothing that was not written to that key, is sound, takes writes, and opens again; and the files are kept as
 * they were. Where nothing but tables is damaged, and no more than is said, everything else is as it was.
 */
import { contentsOf, diskOf, makeGolden, openDamaged, type Golden } from '../salvage/damaged.ts'
import type { FaultyFileSystem } from '../support/faulty.ts'
import { mulberry32, pick } from '../support/random.ts'
import { Violation } from './runner.ts'

export interface SalvageSummary {
  program: string
  seed: number
  seconds: number
  /** Damaged databases. */
  runs: number
  damages: number
  /** Of which every entry was saved. */
  whole: number
  /** Entries that were saved, and that should have been. */
  saved: number
  entries: number
}

/** What is done to a database. */
const DAMAGES: Record<string, (files: FaultyFileSystem, name: string, random: () => number) => void> = {
  'a bit': (files, name, random) => {
    const size = sizeOf(files, name)
    if (size > 0) files.flipBits(name, pick(random, size), 1 << pick(random, 8))
  },
  'a cut': (files, name, random) => files.resizeFile(name, pick(random, sizeOf(files, name) + 1)),
  'a sector of zeros': (files, name, random) => overwrite(files, name, random, () => 0),
  'a sector of garbage': (files, name, random) => overwrite(files, name, random, () => pick(random, 256)),
  'a missing file': (files, name) => files.dropFile(name),
  'an empty file': (files, name) => files.resizeFile(name, 0),
  'the content of another': (files, name, random) => {
    const all = [...files.snapshotFiles()]
    const [, bytes] = all[pick(random, all.length)] ?? []
    if (bytes !== undefined) files.putFile(name, bytes)
  },
}

/** Database after database, from `seed` on. @throws Violation with the command that repeats it */
export async function salvage({
  seed,
  seconds,
  workloads = Infinity,
}: {
  seed: number
  seconds: number
  workloads?: number
}): Promise<SalvageSummary> {
  const began = Date.now()
  const golden = await makeGolden()
  const summary = {
    program: 'salvage',
    seed,
    seconds: 0,
    runs: 0,
    damages: 0,
    whole: 0,
    saved: 0,
    entries: 0,
  }
  while (summary.runs < workloads && (summary.runs === 0 || Date.now() - began < seconds * 1000)) {
    const current = seed + summary.runs
    const done: string[] = []
    try {
      await saveOne(golden, mulberry32(current), done, summary)
    } catch (error) {
      const what = error instanceof Error ? error.message : String(error)
      throw new Violation(
        `${what}\n  after ${done.join('; ')}\n  node test/torture/run.mjs salvage --seed ${current} --workloads 1`,
        { cause: error },
      )
    }
    summary.runs++
    summary.damages += done.length
  }
  return { ...summary, seconds: (Date.now() - began) / 1000 }
}

async function saveOne(
  golden: Golden,
  random: () => number,
  done: string[],
  summary: SalvageSummary,
): Promise<void> {
  const files = diskOf(golden)
  const count = 1 + pick(random, 4)
  for (let i = 0; i < count; i++) {
    const names = [...files.snapshotFiles().keys()]
    const name = names[pick(random, names.length)]
    const kinds = Object.entries(DAMAGES)
    const [kind, damage] = kinds[pick(random, kinds.length)] ?? []
    if (name === undefined || damage === undefined) continue
    damage(files, name, random)
    done.push(`${kind} in ${name}`)
  }
  // NOTE: without any file of ours there is no database; it is created.
  if (files.snapshotFiles().size === 0) return
  const before = files.snapshotFiles()
  const db = await openDamaged(files)
  const contents = await contentsOf(db)
  db.putSync('written after', 'the salvage')
  const { problems } = await db.verify()
  const [problem] = problems
  if (problem !== undefined) throw new Violation(`salvaged, and damaged: ${problem.message}`)
  await db.close()
  const { salvage: report } = db.recovery
  if (report !== undefined) requireKept(files, report.keptIn, before)
  let saved = 0
  let entries = 0
  for (const [space, expected] of golden.contents) {
    const found = contents.get(space) ?? contents.get('salvaged-1') ?? new Map<string, string>()
    entries += expected.size
    for (const [key, value] of expected) if (found.get(key) === value) saved++
  }
  for (const [space, found] of contents) {
    const name = space.startsWith('salvaged-') ? 'other' : space
    for (const [key, value] of found) {
      if (golden.history.get(`${name}/${key}`)?.has(value) !== true)
        throw new Violation(`a value in '${space}' was never written to its key`)
    }
  }
  if (saved < entries && report === undefined) throw new Violation('entries are lost, and nothing is said')
  const again = await openDamaged(files, 'tolerate-tail')
  if (again.getSync('written after') !== 'the salvage')
    throw new Violation('written after the salvage, and gone')
  await again.close()
  if (files.openFileCount !== 0 || files.locked) throw new Violation(`${files.openFileCount} files are open`)
  summary.saved += saved
  summary.entries += entries
  if (saved === entries) summary.whole++
}

function requireKept(
  files: FaultyFileSystem,
  directory: string,
  before: ReadonlyMap<string, Uint8Array>,
): void {
  const kept = files.aside.get(directory)
  for (const [name, bytes] of before) {
    const copy = kept?.get(name)
    if (copy === undefined || Buffer.compare(copy, bytes) !== 0)
      throw new Violation(`${name} is not kept as it was`)
  }
}

function sizeOf(files: FaultyFileSystem, name: string): number {
  return files.snapshotFiles().get(name)?.byteLength ?? 0
}

function overwrite(files: FaultyFileSystem, name: string, random: () => number, byte: () => number): void {
  const bytes = files.snapshotFiles().get(name)
  if (bytes === undefined || bytes.byteLength === 0) return
  const from = pick(random, bytes.byteLength)
  for (let i = from; i < Math.min(bytes.byteLength, from + 512); i++) bytes[i] = byte()
  files.putFile(name, bytes)
}
