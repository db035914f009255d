import process from 'node:process'
import { open } from 'varve'

const [path, ending] = process.argv.slice(2)
// The interval is longer than the check waits: only the end of the process can have handed it over.
const database = await open(path, {
  keyEncoding: 'utf8',
  valueEncoding: 'utf8',
  durability: 'buffered',
  flushInterval: 600_000,
})
await database.put('buffered', 'grüße')
console.log('written')
if (ending === 'by process.exit') process.exit(0)
