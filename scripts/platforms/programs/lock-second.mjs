import process from 'node:process'
import { open } from 'varve'

try {
  const database = await open(process.argv[2])
  await database.close()
  console.log('opened')
} catch (error) {
  const owner = /process (\d+)/.exec(error.message)?.[1]
  console.log(`${error.code ?? error} by ${owner}`)
}
