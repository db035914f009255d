// The same from CommonJS.
import varve = require('varve')

async function use(path: string): Promise<string | undefined> {
  const database = await varve.open(path, { keyEncoding: 'utf8', valueEncoding: 'utf8' })
  const value = await database.get('k')
  await database.close()
  return value
}

export = use
