/** What can happen to the files of a golden database, and what the contract says must become of it (RELIABILITY P7, P8, docs/*-format.md). */
import { pick } from '../../support/random.ts'
import type { Files } from '../golden/build.ts'
import type { Golden } from '../golden/golden.ts'
import { frameEnds } from './frames.ts'

/** Images that things happen to. */
export const faultedImages = ['killed', 'closed'] as const
export type FaultedImage = (typeof faultedImages)[number]

/** What has to become of it. */
export type Expected =
  /** open() refuses; the error has one of these codes and names one of these files, and where in it, unless all of it is wrong. */
  | { readonly refused: readonly string[]; readonly files: readonly string[]; readonly whole?: boolean }
  /** It opens, and holds the state of that number. `told`: db.recovery names this file, where the damage starts, and so many bytes. */
  | { readonly state: number; readonly told: Told | undefined }

export interface Told {
  readonly file: string
  readonly offset: number
  readonly bytes: number
}

export interface FileCase {
  readonly what: string
  readonly image: FaultedImage
  /** The boot of the machine; the golden database was written under the first. */
  readonly boot: 1 | 2
  readonly files: Files
  readonly expected: Expected
}

const boots = [1, 2] as const

const isSuperblock = (name: string): boolean => name.startsWith('superblock-')
const idOf = (name: string): number => Number.parseInt(name, 16)

/** What the images are made of. */
export class Shop {
  readonly golden: Golden
  /** The number of the last state. */
  readonly whole: number
  /** The last journal. */
  readonly lastJournal: string
  readonly manifest: string
  /** Where the frames of the last journal end. */
  readonly ends: readonly number[]

  constructor(golden: Golden) {
    this.golden = golden
    this.whole = golden.states.length - 1
    const names = [...golden.images.killed.keys()].sort()
    this.lastJournal = names.findLast((name) => name.endsWith('.wal')) ?? ''
    this.manifest = names.find((name) => name.endsWith('.man')) ?? ''
    this.ends = frameEnds(golden.images.killed.get(this.lastJournal) ?? new Uint8Array(0), 'wal')
  }

  files(image: FaultedImage): Files {
    return this.golden.images[image]
  }

  corrupt(...files: string[]): Expected {
    return { refused: ['CORRUPT'], files }
  }

  /** A copy of the superblock is not used: the other one is, and db.recovery says so. */
  otherCopy(file: string): Expected {
    return { state: this.whole, told: { file, offset: 0, bytes: 0 } }
  }

  unharmed(): Expected {
    return { state: this.whole, told: undefined }
  }

  /** The last journal of a killed database ends in the middle of a frame, or has lost whole ones. */
  lastJournalOf(length: number): Expected {
    const state = this.ends.findLastIndex((end) => end <= length)
    // NOTE: one without a byte was not begun. What ends between two frames looks like one that never had more.
    const end = this.ends[state] ?? 0
    if (end === length) return { state: Math.max(state, 0), told: undefined }
    return { state: Math.max(state, 0), told: { file: this.lastJournal, offset: end, bytes: length - end } }
  }

  /**
   * Another file stands in the place of the last journal of a killed database. NOTE: after a power loss a header may be anything; so
   * whether there was one is what it says itself, where a journal has its boot id, as a manifest has.
   */
  lastJournalAs(bytes: Uint8Array, boot: number): Expected {
    const magic = Buffer.from(bytes.subarray(0, 8)).toString('latin1')
    if (magic === 'VARVEWAL' || (magic === 'VARVEMAN' && boot === 1)) return this.corrupt(this.lastJournal)
    return { state: 0, told: { file: this.lastJournal, offset: 0, bytes: bytes.byteLength } }
  }
}

type Case = Omit<FileCase, 'image' | 'boot'>

/**
 * All cases that there are, and those with random lengths and bytes that `random` makes. `round`: from the second on only the latter.
 * `brief`: a closed database is tried under one boot only, and so is a killed one in which files are missing.
 */
export function* fileCases(
  shop: Shop,
  round: number,
  random: () => number,
  brief: boolean,
): Generator<FileCase> {
  for (const image of faultedImages) {
    for (const boot of boots) {
      if (brief && image === 'closed' && boot === 2) continue
      const makers =
        round === 0 ? [truncated, missing, swapped, replaced, doubled, stale, extended] : [extended]
      for (const make of makers) {
        if (brief && make === missing && boot === 2) continue
        for (const each of make(shop, image, boot, random)) yield { ...each, image, boot }
      }
    }
  }
}

/** Every file, at every length. */
function* truncated(shop: Shop, image: FaultedImage): Generator<Case> {
  const files = shop.files(image)
  for (const [name, bytes] of files) {
    for (let length = 0; length < bytes.byteLength; length++) {
      const expected = isSuperblock(name)
        ? shop.otherCopy(name)
        : image === 'killed' && name === shop.lastJournal
          ? shop.lastJournalOf(length)
          : shop.corrupt(name)
      const what = `${name} is cut to ${length} B`
      yield { what, files: new Map(files).set(name, bytes.slice(0, length)), expected }
    }
  }
}

/** NOTE: a file of a MiB may cost no more than any other (examine.ts). */
const someLengths = [...Array.from({ length: 80 }, (_, i) => i + 1), 127, 128, 129, 511, 512, 4096, 1_048_576]

/** Zeros or garbage behind every file. NOTE: a journal may have zeros there. */
function* extended(shop: Shop, image: FaultedImage, boot: number, random: () => number): Generator<Case> {
  const files = shop.files(image)
  for (const [name, bytes] of files) {
    for (const length of [...someLengths, 1 + pick(random, 10_000)]) {
      for (const isZero of [true, false]) {
        const longer = new Uint8Array(bytes.byteLength + length)
        longer.set(bytes)
        if (!isZero) fillAtRandom(longer.subarray(bytes.byteLength), random)
        const what = `${name} has ${length} B of ${isZero ? 'zeros' : 'garbage'} behind it`
        const isRoom = isZero && name.endsWith('.wal')
        const expected = isRoom
          ? shop.unharmed()
          : extensionOf(shop, image, boot, name, bytes.byteLength, length)
        yield { what, files: new Map(files).set(name, longer), expected }
      }
    }
  }
}

function fillAtRandom(bytes: Uint8Array, random: () => number): void {
  // NOTE: in blocks, as a MiB of single bytes would take longer than what is tried with it.
  const block = Uint8Array.from({ length: Math.min(4096, bytes.byteLength) }, () => pick(random, 256))
  for (let at = 0; at < bytes.byteLength; at += block.byteLength)
    bytes.set(block.subarray(0, bytes.byteLength - at), at)
}

function extensionOf(
  shop: Shop,
  image: FaultedImage,
  boot: number,
  name: string,
  offset: number,
  bytes: number,
): Expected {
  if (isSuperblock(name)) return shop.otherCopy(name)
  if (name.endsWith('.sst')) return shop.corrupt(name)
  const isLog = image === 'killed' && (name === shop.lastJournal || name === shop.manifest)
  // NOTE: what lies above the length at which a journal was left is ignored: it may be there after a crash.
  if (!isLog) return name === shop.manifest ? shop.corrupt(name) : shop.unharmed()
  const headerBytes = name === shop.manifest ? 24 : 40
  if (boot === 1 && bytes >= headerBytes) return shop.corrupt(name)
  return { state: shop.whole, told: { file: name, offset, bytes } }
}

/** Only some of the files are there: every set of them but the empty one, in which there is no database. */
function* missing(shop: Shop, image: FaultedImage): Generator<Case> {
  const files = [...shop.files(image)]
  for (let set = 1; set < (1 << files.length) - 1; set++) {
    const left = files.filter((_, i) => (set & (1 << i)) !== 0)
    const gone = files.filter((_, i) => (set & (1 << i)) === 0).map(([name]) => name)
    yield {
      what: `${gone.join(', ')} missing`,
      files: new Map(left),
      expected: { refused: ['MISSING_FILE'], files: gone },
    }
  }
}

/** Two files have each other's names. */
function* swapped(shop: Shop, image: FaultedImage, boot: number): Generator<Case> {
  const files = shop.files(image)
  const names = [...files.keys()]
  for (const [i, one] of names.entries()) {
    for (const other of names.slice(i + 1)) {
      const after = new Map(files)
      after.set(one, files.get(other) ?? new Uint8Array(0))
      after.set(other, files.get(one) ?? new Uint8Array(0))
      const isLast = image === 'killed' && [one, other].includes(shop.lastJournal)
      const expected =
        isLast && [one, other].some(isSuperblock)
          ? shop.lastJournalAs(after.get(shop.lastJournal) ?? new Uint8Array(0), boot)
          : shop.corrupt(one, other)
      yield { what: `${one} and ${other} are swapped`, files: after, expected }
    }
  }
}

/** A file has the bytes of another one. */
function* replaced(shop: Shop, image: FaultedImage, boot: number): Generator<Case> {
  const files = shop.files(image)
  for (const [one, bytes] of files) {
    for (const other of files.keys()) {
      if (one === other) continue
      const isLast = image === 'killed' && other === shop.lastJournal
      const expected = isSuperblock(other)
        ? shop.otherCopy(other)
        : isLast
          ? shop.lastJournalAs(bytes, boot)
          : shop.corrupt(other)
      yield { what: `${other} is a copy of ${one}`, files: new Map(files).set(other, bytes), expected }
    }
  }
}

/** A file is there twice, under a number that nothing names. */
function* doubled(shop: Shop, image: FaultedImage): Generator<Case> {
  const files = shop.files(image)
  const highest = Math.max(...[...files.keys()].filter((name) => !isSuperblock(name)).map(idOf))
  for (const [name, bytes] of files) {
    if (isSuperblock(name)) continue
    for (const id of [1, highest + 1, 2 ** 52 - 2 ** 32, Number.MAX_SAFE_INTEGER]) {
      const double = id.toString(16).padStart(16, '0') + name.slice(16)
      // NOTE: it looks like a journal whose edit the manifest has lost. Those before this one are of earlier epochs.
      const isLost = name.endsWith('.wal') && id > highest && idOf(name) > idOf(shop.manifest) - 2
      const expected: Expected = isLost
        ? shop.corrupt(shop.manifest)
        : id === Number.MAX_SAFE_INTEGER
          ? { refused: ['CORRUPT'], files: [double], whole: true }
          : shop.unharmed()
      yield { what: `${double} is a copy of ${name}`, files: new Map(files).set(double, bytes), expected }
    }
  }
}

/** A file is as it was at an earlier time; or both copies of the superblock are. */
function* stale(shop: Shop, image: FaultedImage): Generator<Case> {
  const files = shop.files(image)
  const { images } = shop.golden
  for (const older of ['young', 'replayed', 'killed'] as const) {
    for (const [name, bytes] of images[older]) {
      const current = files.get(name)
      if (current === undefined || Buffer.compare(bytes, current) === 0) continue
      // NOTE: a copy that is one generation behind is what a crash leaves.
      const expected = !isSuperblock(name)
        ? shop.corrupt(name)
        : older === 'young'
          ? shop.otherCopy(name)
          : shop.unharmed()
      yield { what: `${name} is that of ${older}`, files: new Map(files).set(name, bytes), expected }
    }
    const both = new Map(files)
    for (const name of ['superblock-a', 'superblock-b'])
      both.set(name, images[older].get(name) ?? new Uint8Array(0))
    const manifest = [...images.young.keys()].find((name) => name.endsWith('.man')) ?? ''
    const expected: Expected =
      older === 'young' ? { refused: ['MISSING_FILE'], files: [manifest] } : shop.unharmed()
    yield { what: `both copies of the superblock are those of ${older}`, files: both, expected }
  }
}
