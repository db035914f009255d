import { spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { open } from '../../dist/index.js'
import { describeTurn, encodings, ENTRIES_PER_TURN } from './turns.mjs'

const ROUNDS = 3
const writer = fileURLToPath(new URL('writer.mjs', import.meta.url))

/** Kills a writing process again and again, and looks for every write that it had been told is safe. */
export async function crashAndRecover(directory, report) {
  report.heading('7. Kill a process in the middle of writing')
  const data = join(directory, 'crash')
  const rows = []
  for (let round = 1; round <= ROUNDS; round++) {
    const { acknowledgedTurns, signal } = await writeUntilKilled(data, randomInt(100, 400))
    const found = await inspect(data, acknowledgedTurns)
    rows.push({ round, signal, acknowledged: acknowledgedTurns * ENTRIES_PER_TURN, ...found })
  }
  report.table(
    ['round', 'ended by', 'acknowledged', 'found', 'lost', 'halved batches', 'bytes cut off the log'],
    rows.map((row) => [
      row.round,
      row.signal,
      row.acknowledged,
      row.found,
      row.lost,
      row.halved,
      row.droppedBytes,
    ]),
  )
  const total = rows.at(-1).acknowledged
  console.log(
    `Each round goes on where the last one was killed; ${total.toLocaleString('en-US')} entries in the end.`,
  )
  report.claim(
    'the process was killed, not finished',
    rows.every(({ signal }) => signal === 'SIGKILL'),
  )
  report.claim(
    'every acknowledged write is there, with its value',
    rows.every(({ lost, acknowledged }) => lost === 0 && acknowledged > 0),
  )
  report.claim(
    'every batch is there as a whole or not at all',
    rows.every(({ halved }) => halved === 0),
  )
}

/** Lets the writer run for at least that many turns. @returns how many turns it saw acknowledged in total */
async function writeUntilKilled(data, turns) {
  const child = spawn(process.execPath, [writer, data], { stdio: ['ignore', 'pipe', 'inherit'] })
  const closed = once(child, 'close')
  let first
  let acknowledgedTurns = 0
  for await (const line of createInterface({ input: child.stdout })) {
    acknowledgedTurns = Number(line)
    first ??= acknowledgedTurns
    if (acknowledgedTurns - first >= turns) child.kill('SIGKILL')
  }
  const [, signal] = await closed
  return { acknowledgedTurns, signal: signal ?? 'itself' }
}

async function inspect(data, acknowledgedTurns) {
  const database = await open(data, { ...encodings, createIfMissing: false })
  const ledger = await database.keyspace('ledger', encodings)
  let found = 0
  let lost = 0
  let halved = 0
  // One turn more than acknowledged can have been under way.
  for (let turn = 0; turn <= acknowledgedTurns; turn++) {
    const { entries, transfer } = describeTurn(turn)
    const values = await database.getMany(entries.map(([key]) => key))
    const [debit, credit] = await ledger.getMany(transfer.map(([key]) => key))
    const present = entries.filter(([, value], at) => values[at] === value).length
    const sides = [debit, credit].filter((side, at) => side === transfer[at][1]).length
    found += present + sides
    if (sides === 1) halved++
    if (turn < acknowledgedTurns) lost += ENTRIES_PER_TURN - present - sides
  }
  const { droppedBytes } = database.recovery
  await database.close()
  return { found, lost, halved, droppedBytes }
}
