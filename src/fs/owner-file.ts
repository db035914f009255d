/** The `owner` file: who holds the owner lock, for people and for other machines (owner-lock.ts). */
import { createHash } from 'node:crypto'
import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  writeFileSync,
} from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { hostErrorCode } from './host-error.ts'

export const ownerName = 'owner'
const ownerFileLimitBytes = 1024

/** What the `owner` file says. */
export interface OwnerRecord {
  pid: string
  machine: string
  boot: string
  generation: string
}

let machine: string | undefined

/** Identifies this machine. Hashed, because machine-id(5) asks not to spread the id itself. */
export function machineId(): string {
  machine ??= createHash('sha256').update(`varve ${readMachineName()}`).digest('hex').slice(0, 32)
  return machine
}

function readMachineName(): string {
  for (const path of ['/etc/machine-id', '/var/lib/dbus/machine-id']) {
    try {
      const text = readFileSync(path, 'latin1').trim()
      if (/^[0-9a-f]{32}$/.test(text)) return text
    } catch {
      // The next source may know.
    }
  }
  return hostname()
}

/** The owner file, or undefined when there is none or it makes no sense. */
export function readOwner(root: string): OwnerRecord | undefined {
  let descriptor: number
  const noFollow = (constants.O_NOFOLLOW as number | undefined) ?? 0
  const nonBlocking = (constants.O_NONBLOCK as number | undefined) ?? 0
  try {
    descriptor = openSync(join(root, ownerName), constants.O_RDONLY | noFollow | nonBlocking)
  } catch (error) {
    if (hostErrorCode(error) === 'ENOENT') return undefined
    throw error
  }
  try {
    if (!fstatSync(descriptor).isFile()) return undefined
    const bytes = Buffer.alloc(ownerFileLimitBytes)
    const text = bytes.toString('latin1', 0, readSync(descriptor, bytes, 0, bytes.byteLength, 0))
    const match =
      /^pid (\d{1,10})\nmachine ([0-9a-f]{32})\nboot ([0-9a-f]{32})\ngeneration (\d{1,15})\n$/.exec(text)
    const [, pid, machine, boot, generation] = match ?? []
    if (pid === undefined || machine === undefined || boot === undefined || generation === undefined)
      return undefined
    return { pid, machine, boot, generation }
  } finally {
    closeSync(descriptor)
  }
}

/** Written to the file `aside` and renamed, so a reader never sees half of it. */
export function writeOwner(root: string, self: OwnerRecord, aside: string): void {
  const text = `pid ${self.pid}\nmachine ${self.machine}\nboot ${self.boot}\ngeneration ${self.generation}\n`
  writeFileSync(join(root, aside), text, { flag: 'wx', mode: 0o600 })
  renameSync(join(root, aside), join(root, ownerName))
}
