import { closeSync, constants, copyFileSync, fsyncSync, linkSync, mkdirSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { hostErrorCode } from './host-error.ts'

const DIRECTORY_MODE = 0o700
const NAME = 'before-salvage-'

/**
 * Keeps files of a directory as they are in a new directory in it (FileSystem.keepAside): by another name for the same file, which costs nothing; where the host has no such
 * thing, and of files that will be written in place, by a copy.
 */
export function keepAside(root: string, names: readonly string[], rewritten: ReadonlySet<string>): string {
  const name = makeDirectory(root)
  const target = join(root, name)
  for (const each of names) {
    const from = join(root, each)
    const to = join(target, each)
    if (rewritten.has(each) || !link(from, to)) copy(from, to)
  }
  if (process.platform !== 'win32')
    for (const directory of [target, root]) flush(directory, constants.O_RDONLY)
  return name
}

function makeDirectory(root: string): string {
  for (let number = 1; ; number++) {
    try {
      mkdirSync(join(root, `${NAME}${number}`), DIRECTORY_MODE)
      return `${NAME}${number}`
    } catch (error) {
      if (hostErrorCode(error) !== 'EEXIST') throw error
    }
  }
}

/** @returns false where the host makes no second names */
function link(from: string, to: string): boolean {
  try {
    linkSync(from, to)
    return true
  } catch (error) {
    if (['ENOENT', 'ENOSPC', 'EDQUOT', 'EIO'].includes(hostErrorCode(error) ?? '')) throw error
    return false
  }
}

function copy(from: string, to: string): void {
  copyFileSync(from, to, constants.COPYFILE_EXCL)
  flush(to, constants.O_RDWR)
}

function flush(path: string, flags: number): void {
  const descriptor = openSync(path, flags)
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}
