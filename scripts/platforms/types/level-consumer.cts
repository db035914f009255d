// The same from CommonJS.
import level = require('varve/level')

async function use(path: string): Promise<string | undefined> {
  const database = new level.VarveLevel(path)
  const value = await database.get('k')
  await database.close()
  return value
}

export = use
