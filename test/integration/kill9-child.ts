/**
 * The process that gets killed. It tells its parent through descriptor 3, which is blocking, so that each message is out before
 * the next thing happens: `I n`, commits up to number n may exist from now on; `A n`, those up to n were acknowledged.
 */
import { writeSync } from 'node:fs'
import type * as Varve from '../../src/index.ts'
import { type PlannedWrite, stepAfter, writesOf } from './kill9-steps.ts'

const [, , library = '', directory = '', ...numbers] = process.argv
const [seed = 0, first = 0, steps = 0] = numbers.map(Number)
const { open } = (await import(library)) as typeof Varve

const tell = (message: string): void => void writeSync(3, `${message}\n`)

tell('opening')
const database = await open(directory, { memtableSize: 16_384, memoryLimit: 16 * 1024 * 1024 })
const other = await database.keyspace('other')
tell('open')

let commit = first
for (let count = 0; count < steps; count++) {
  const step = stepAfter(seed, commit, count)
  tell(`I ${commit + step.commits} ${step.do} ${step.commits}`)
  if (step.do === 'flush') {
    if (step.sync) database.flushSync()
    else await database.flush()
  } else if (step.do === 'batch') {
    const batch = database.batch()
    for (const { keyspace, key, value } of writesOf(seed, commit + 1, step.do)) {
      const to = keyspace === '' ? database : other
      if (value === undefined) batch.delete(to, key)
      else batch.put(to, key, value)
    }
    if (step.sync) batch.commitSync()
    else await batch.commit()
  } else {
    const pending: Promise<void>[] = []
    for (let i = 1; i <= step.commits; i++) {
      for (const write of writesOf(seed, commit + i, step.do)) {
        if (step.sync) putSync(write, step.do === 'buffered')
        else pending.push(put(write, step.do === 'buffered'))
      }
    }
    await Promise.all(pending)
  }
  commit += step.commits
  if (step.do !== 'buffered') tell(`A ${commit}`)
  // Not every loop of a program yields: let timers and I/O run now and then.
  if (count % 50 === 0) await new Promise((resolve) => setImmediate(resolve))
}
tell('closing')
await database.close()
tell('closed')

function putSync({ key, value = '' }: PlannedWrite, buffered: boolean): void {
  database.putSync(key, value, buffered ? { durability: 'buffered' } : {})
}

function put({ key, value = '' }: PlannedWrite, buffered: boolean): Promise<void> {
  return database.put(key, value, buffered ? { durability: 'buffered' } : {})
}
