import { open } from 'varve'

onmessage = async () => {
  try {
    const db = await open('bundled', { keyEncoding: 'utf8', valueEncoding: 'json', memoryLimit: 16 << 20 })
    db.putSync('own', 1)
    postMessage([...db.rangeSync()])
    await db.close()
  } catch (error) {
    postMessage(String(error))
  }
}
