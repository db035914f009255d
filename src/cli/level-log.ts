import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** A line of LevelDB's own log of events: `… (ignoring error) old/000005.log: dropping 31073 bytes; Corruption: …`. */
const DROPPED = /: dropping (\d+) bytes; Corruption: /g

/**
 * Bytes of its write-ahead log that LevelDB found damaged when it was opened last, and passed over: it says so in the file LOG, which every
 * opening begins anew, and nowhere else. What a crash leaves at the end does not count.
 */
export async function droppedLogBytes(directory: string): Promise<number> {
  const text = await readFile(join(directory, 'LOG'), 'latin1').catch(() => '')
  return [...text.matchAll(DROPPED)].reduce((total, [, bytes]) => total + Number(bytes), 0)
}
