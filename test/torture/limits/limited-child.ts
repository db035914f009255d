/** Run under `ulimit -f`: writes until the file size limit stops it, and says what was acknowledged. Its parent opens the database again. */
import { open, VarveError } from '../../../src/index.ts'

const [directory = '', durability = 'os', way = 'sync'] = process.argv.slice(2)

// NOTE: by default the signal ends the process before the write can fail.
process.on('SIGXFSZ', () => {})

const db = await open(directory, {
  keyEncoding: 'utf8',
  valueEncoding: 'utf8',
  memoryLimit: 16 * 1_048_576,
  memtableSize: 16_384,
  threads: 0,
  durability: durability as 'os',
})
const codes: string[] = []
let acknowledged = 0
for (let i = 0; i < 400 && codes.length < 5; i++) {
  try {
    const value = `${i} ${'x'.repeat(i % 10 === 0 ? 40_000 : 300)}`
    if (way === 'sync') db.putSync(`key ${i}`, value)
    else await db.batch().put(`key ${i}`, value).put('last', `${i}`).commit()
    acknowledged = i + 1
  } catch (error) {
    codes.push(error instanceof VarveError ? error.code : String(error))
    // Without a hole: the next one is tried with the same number.
    i--
  }
}
const seen = Array.from(
  { length: acknowledged },
  (_, i) => db.getSync(`key ${i}`)?.startsWith(`${i} `) === true,
)
const closed = await db.close().then(
  () => 'ok',
  (error: unknown) => (error instanceof VarveError ? error.code : String(error)),
)
process.stdout.write(JSON.stringify({ acknowledged, codes, readable: seen.every(Boolean), closed }))
