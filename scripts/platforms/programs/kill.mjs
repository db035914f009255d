// A process is killed in the middle of writing: what it had been told is safe is there, and its lock is free.
import { join } from 'node:path'
import { open } from 'varve'
import { ended, lines, start } from './child.mjs'
import { expectSame } from './expect.mjs'

const ROUNDS = 3
const ACKNOWLEDGED_AT_LEAST = 500

export async function check(directory) {
  const path = join(directory, 'data')
  let written = 0
  for (let round = 0; round < ROUNDS; round++) {
    const acknowledged = await writeUntilKilled(path, written)
    written = await inspect(path, acknowledged)
  }
}

/** @returns how many entries the writer has reported in all its lives */
async function writeUntilKilled(path, first) {
  const child = start('./kill-writer.mjs', path, String(first))
  const end = ended(child)
  let acknowledged = first
  for await (const line of lines(child)) {
    acknowledged = Number(line)
    if (acknowledged - first >= ACKNOWLEDGED_AT_LEAST) child.kill('SIGKILL')
  }
  expectSame('the end of the writer', (await end).signal, 'SIGKILL')
  return acknowledged
}

/** @returns how many entries are there: at most one more than acknowledged, the one that was under way */
async function inspect(path, acknowledged) {
  const database = await open(path, { keyEncoding: 'utf8', valueEncoding: 'utf8', createIfMissing: false })
  const twins = await database.keyspace('twins', { keyEncoding: 'utf8', valueEncoding: 'utf8' })
  for (let at = 0; at < acknowledged; at++) {
    expectSame(`acknowledged entry ${at}`, await database.get(`entry ${at}`), `grüße ${at}`)
    expectSame(`its twin of the same batch`, await twins.get(`entry ${at}`), `${at}`)
  }
  const present = await database.count()
  expectSame('entries and twins', present, await twins.count())
  if (present > acknowledged + 1)
    throw new Error(`${present} entries are there, and ${acknowledged} were reported`)
  expectSame('what verify() finds', (await database.verify()).problems, [])
  await database.close()
  return present
}
