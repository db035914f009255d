/** The part of T07 that needs files of this host: directories, links and pipes in the place of files, strangers, and the owner's file. */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openOn } from '../../../src/api/open.ts'
import { VarveError } from '../../../src/errors.ts'
import { nodeFileSystem } from '../../../src/fs/node.ts'
import { equalEntries } from '../../model.ts'
import type { SubjectDatabase } from '../../support/subject.ts'
import type { Golden } from '../golden/golden.ts'
import { Violation } from '../runner.ts'
import { readAll } from '../verify.ts'
import { MEMORY_BYTES } from './examine.ts'
import { type FaultedImage, faultedImages } from './file-cases.ts'

/** In the place of a file. */
const replacements: Readonly<Record<string, (path: string) => void>> = {
  'a directory': (path) => mkdirSync(path),
  'a symbolic link to it': (path) => {
    renameSync(path, `${path}.moved`)
    symlinkSync(`${path}.moved`, path)
  },
  'a symbolic link to nowhere': (path) => symlinkSync(`${path}.gone`, path),
  'a pipe': (path) => void execFileSync('mkfifo', [path]),
}

/** Files that people and their desktops leave about, and some that look a little like ours. */
const strangers = [
  '.DS_Store',
  '._0000000000000003.sst',
  'Thumbs.db',
  'desktop.ini',
  'notes.txt',
  '0000000000000003.SST',
  '3.sst',
  '0000000000000003.sst.bak',
  '00000000000000003.sst',
  'superblock-c',
  'superblock-a~',
  'CURRENT',
  'LOCK',
  'LOCK.0',
  'LOCK.x',
]

/** `only`: that case alone. @returns how many there were @throws Violation */
export async function realCases(
  golden: Golden,
  note: (what: string) => void,
  only: string | undefined,
): Promise<number> {
  // NOTE: as short as can be: a socket's path has about a hundred bytes.
  const folder = mkdtempSync(join(tmpdir(), 'varve-'))
  try {
    return await new RealFiles(golden, folder, note, only).run()
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

class RealFiles {
  readonly #golden: Golden
  readonly #root: string
  readonly #note: (what: string) => void
  readonly #only: string | undefined
  #count = 0

  constructor(golden: Golden, folder: string, note: (what: string) => void, only: string | undefined) {
    this.#golden = golden
    this.#root = join(folder, 'db')
    this.#note = note
    this.#only = only
  }

  async run(): Promise<number> {
    for (const image of faultedImages) {
      for (const name of this.#golden.images[image].keys()) {
        for (const [what, replace] of Object.entries(replacements)) {
          await this.#case(`${image}: ${name} is ${what}`, () => this.#replaced(image, name, what, replace))
        }
      }
      await this.#case(`${image} among strangers`, () => this.#amongStrangers(image))
      await this.#case(`${image}: every file is empty`, () => this.#emptied(image))
    }
    await this.#ownerFile()
    return this.#count
  }

  async #case(what: string, run: () => Promise<void>): Promise<void> {
    if (this.#only !== undefined && this.#only !== what) return
    this.#note(what)
    this.#count++
    try {
      await run()
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      throw new Violation(`${what}: ${message}\n  node test/torture/run.mjs file-faults --case '${what}'`, {
        cause: error,
      })
    }
  }

  #unpack(image: FaultedImage): void {
    rmSync(this.#root, { recursive: true, force: true })
    mkdirSync(this.#root)
    for (const [name, bytes] of this.#golden.images[image]) writeFileSync(join(this.#root, name), bytes)
  }

  #open(): Promise<SubjectDatabase> {
    return openOn(nodeFileSystem(this.#root), { memoryLimit: MEMORY_BYTES, threads: 0 })
  }

  async #replaced(
    image: FaultedImage,
    name: string,
    what: string,
    replace: (path: string) => void,
  ): Promise<void> {
    this.#unpack(image)
    const path = join(this.#root, name)
    if (!what.endsWith('to it')) rmSync(path)
    replace(path)
    const before = treeOf(this.#root)
    const began = performance.now()
    const error = await this.#refusal()
    if (error.code !== 'CORRUPT' || error.file !== name)
      throw new Violation(`${error.code} in ${error.file ?? 'no file'}: ${error.message}`)
    const ms = performance.now() - began
    if (ms > 5000) throw new Violation(`it took ${ms} ms`)
    if (treeOf(this.#root) !== before) throw new Violation('open() failed and changed the directory')
  }

  async #refusal(): Promise<VarveError> {
    let db: SubjectDatabase
    try {
      db = await this.#open()
    } catch (error) {
      if (error instanceof VarveError) return error
      throw new Violation(`open() failed with ${String(error)}`, { cause: error })
    }
    await db.close()
    throw new Violation('it opens')
  }

  /** The golden database was written under another boot, so all of it is there. */
  async #requireWhole(db: SubjectDatabase): Promise<void> {
    const contents = await readAll(db)
    for (const [name, entries] of this.#golden.states.at(-1) ?? [])
      if (!equalEntries(contents.get(name) ?? [], entries)) throw new Violation(`keyspace '${name}' is wrong`)
  }

  /** They are there before, while and after a database is used. */
  async #amongStrangers(image: FaultedImage): Promise<void> {
    this.#unpack(image)
    for (const name of strangers) writeFileSync(join(this.#root, name), `this is ${name}`)
    mkdirSync(join(this.#root, 'folder.sst'))
    writeFileSync(join(this.#root, 'folder.sst', '0000000000000003.sst'), 'deeper')
    symlinkSync('nowhere', join(this.#root, 'link.wal'))
    const isTheirs = (name: string): boolean =>
      strangers.includes(name) || name.startsWith('folder.sst') || name === 'link.wal'
    const before = treeOf(this.#root, isTheirs)
    for (let round = 0; round < 2; round++) {
      const db = await this.#open()
      await this.#requireWhole(db)
      db.putSync('one', 'more')
      db.compactSync()
      db.deleteSync('one', { durability: 'sync' })
      await this.#requireWhole(db)
      const { problems } = await db.verify()
      await db.close()
      if (problems.length > 0) throw new Violation(`verify() finds ${JSON.stringify(problems)}`)
      if (treeOf(this.#root, isTheirs) !== before) throw new Violation("somebody else's file was changed")
    }
  }

  async #emptied(image: FaultedImage): Promise<void> {
    this.#unpack(image)
    for (const name of readdirSync(this.#root)) writeFileSync(join(this.#root, name), '')
    const before = treeOf(this.#root)
    const error = await this.#refusal()
    if (!['CORRUPT', 'MISSING_FILE'].includes(error.code))
      throw new Violation(`${error.code}: ${error.message}`)
    if (treeOf(this.#root) !== before) throw new Violation('open() failed and changed the directory')
  }

  /** It tells people who has the database. What it says of an owner that is gone keeps nobody out, unless it speaks of another machine. */
  async #ownerFile(): Promise<void> {
    this.#unpack('closed')
    const path = join(this.#root, 'owner')
    const owner = await this.#open()
    const bytes = readFileSync(path)
    await owner.close()
    const pristine = treeOf(this.#root, (name) => !isLock(name))
    for (let at = 0; at < bytes.byteLength; at++) {
      await this.#case(`owner: byte ${at} is another one`, async () => {
        const changed = Buffer.from(bytes)
        changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8))
        rmSync(path, { force: true })
        writeFileSync(path, changed)
        await this.#openOrLocked()
        if (treeOf(this.#root, (name) => !isLock(name)) !== pristine)
          throw new Violation('files were changed')
      })
    }
    for (const [what, replace] of Object.entries(replacements)) {
      if (what.endsWith('to it')) continue
      await this.#case(`owner is ${what}`, async () => {
        rmSync(path, { recursive: true, force: true })
        replace(path)
        await this.#openOrFail()
        rmSync(path, { recursive: true, force: true })
        if (treeOf(this.#root, (name) => !isLock(name)) !== pristine)
          throw new Violation('files were changed')
      })
    }
  }

  async #openOrLocked(): Promise<void> {
    try {
      await (await this.#open()).close()
    } catch (error) {
      if (error instanceof VarveError && error.code === 'LOCKED') return
      throw new Violation(`it does not open: ${String(error)}`, { cause: error })
    }
  }

  async #openOrFail(): Promise<void> {
    try {
      await (await this.#open()).close()
    } catch (error) {
      if (error instanceof VarveError) return
      throw new Violation(`open() failed with ${String(error)}`, { cause: error })
    }
  }
}

function isLock(name: string): boolean {
  return name === 'owner' || name.startsWith('LOCK.')
}

/** Names, kinds and bytes of everything in a directory, but what the lock has left, as one hash. */
export function treeOf(root: string, includes: (name: string) => boolean = (name) => !isLock(name)): string {
  const hash = createHash('sha256')
  for (const name of readdirSync(root, { recursive: true, encoding: 'utf8' }).sort()) {
    if (!includes(name)) continue
    const path = join(root, name)
    const stat = lstatSync(path)
    hash.update(`${name}\0${stat.mode}\0${stat.isFile() ? stat.mtimeMs : ''}\0`)
    if (stat.isFile()) hash.update(readFileSync(path))
    else if (stat.isSymbolicLink()) hash.update(readlinkSync(path))
  }
  return hash.digest('hex')
}
