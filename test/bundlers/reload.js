// Opens the database, adds one entry, and says how many there are; never closes it.
import { open } from 'varve'

async function run() {
  const db = await open('reloaded', { keyEncoding: 'utf8', valueEncoding: 'utf8', memoryLimit: 16 << 20 })
  const before = await db.count()
  await db.put(`load ${before}`, 'x')
  return { before, after: await db.count() }
}

globalThis.result = run().catch((error) => ({ error: String(error) }))
