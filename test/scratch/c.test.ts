import { it } from 'vitest'
import { loadGolden } from '../torture/golden/golden.ts'
import { openImage, examine } from '../torture/damage/examine.ts'
import { FaultyFileSystem } from '../support/faulty.ts'
it('x', async () => {
  const golden = loadGolden()
  const cpu = () => { const { user, system } = process.cpuUsage(); return (user + system) / 1000 }
  const files = golden.images.closed
  const name = '0000000000000003.sst'
  const bad = files.get(name)!.slice(); bad[700] ^= 1
  for (const [label, image] of [['good', files], ['bad', new Map(files).set(name, bad)]] as const) {
  const steps: Record<string, (db: any) => any> = {
    none: () => {},
    scan: (db) => { try { [...db.rangeSync()] } catch {} },
    gets: (db) => { for (const k of golden.keys.get('')!) try { db.getSync(k) } catch {} },
    getMany: (db) => { try { db.getManySync(golden.keys.get('')!) } catch {} },
    verify: (db) => db.verify(),
    compact: (db) => { try { db.compactSync() } catch {} },
  }
  for (const [what, step] of Object.entries(steps)) {
    for (const n of [50, 300]) {
    const t = cpu()
    for (let i = 0; i < n; i++) { const db = await openImage(FaultyFileSystem.fromFiles(image)); await step(db); await db.close() }
    if (n > 50) console.log(label, what, ((cpu() - t) / n).toFixed(2))
    }
  }
  const t = cpu()
  for (let i = 0; i < 200; i++) await examine(image, { golden, states: golden.states })
  console.log(label, 'examine', ((cpu() - t) / 200).toFixed(2))
  }
})
