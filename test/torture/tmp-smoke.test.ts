import { it } from 'vitest'
import { openOn } from '../../src/api/open.ts'
import { memoryFileSystem } from '../../src/fs/memory.ts'
it('smoke', async () => {
  const files = memoryFileSystem()
  const t=performance.now()
  const db = await openOn(files, {memoryLimit: 16<<20, memtableSize: 4096})
  console.log('open', performance.now()-t)
  db.putSync('a','b')
  console.log(db.getSync('a'), [...db.rangeSync()])
  for (let i=0;i<1000;i++) db.putSync('k'+i, 'v'.repeat(50))
  console.log([...db.rangeSync()].length, db.stats())
  await db.close()
  const db2 = await openOn(files, {memoryLimit: 16<<20, memtableSize: 4096})
  console.log([...db2.rangeSync()].length, db2.stats())
  await db2.close()
})
