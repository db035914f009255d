/** What peer-parity asks of an engine. All are opened with their default options. */
import { createRequire } from 'node:module'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Write } from './history.ts'

export interface OpenEngine {
  /** The damage that it reports though it is open, */
  readonly notice: string | undefined
  /** and whether the end of the log is lost with it. */
  readonly isCut: boolean
  write(writes: readonly Write[], sync: boolean): Promise<void>
  /** Has all that was written put into files other than the log. */
  flush(): Promise<void>
  get(key: Buffer): Promise<Uint8Array | undefined>
  range(reverse: boolean): AsyncIterable<readonly [Uint8Array, Uint8Array]>
  close(): Promise<void>
}

export interface Engine {
  /** What is in a file of that name; undefined: nothing that could be lost, as in locks and in what it writes for people to read. */
  kindOf(file: string): string | undefined
  open(directory: string): Promise<OpenEngine>
}

export interface Peer {
  readonly version: string
  /** The package's main export. */
  load(): unknown
}

/** An installed package, of those that bench/package.json names or of the root. */
export function findPeer(name: string, root: string): Peer | undefined {
  const places = [join(root, 'bench/node_modules', name), join(root, 'node_modules', name)]
  const place = places.find((each) => existsSync(join(each, 'package.json')))
  if (place === undefined) return undefined
  return {
    version: versionIn(place),
    load: () => createRequire(join(root, 'bench/package.json'))(name) as unknown,
  }
}

/** The version of the package in a folder. */
export function versionIn(folder: string): string {
  const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string }
  return version
}
