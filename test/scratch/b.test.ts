import { it } from 'vitest'
import { loadGolden } from '../torture/golden/golden.ts'
import { openImage } from '../torture/damage/examine.ts'
import { FaultyFileSystem } from '../support/faulty.ts'
it('x', async () => {
  const golden = loadGolden()
  const want = golden.states.at(-1)!.get('')!
  for (const at of [672, 1281, 700]) {
    const files = golden.images.closed
    const name = '0000000000000003.sst'
    const b = files.get(name)!.slice(); b[at] ^= 1 << (at % 8)
    const fs = FaultyFileSystem.fromFiles(new Map(files).set(name, b))
    const db = await openImage(fs)
    const scan = (label: string) => {
    const found: any[] = []
    const it = db.rangeSync()[Symbol.iterator]()
    let err: any
    try { for (;;) { const s = it.next(); if (s.done) break; found.push(s.value) } } catch (e) { err = e }
    console.log(at, label, String(err), found.length, want.length)
    found.forEach(([k, v], i) => { if (Buffer.compare(k, want[i]![0]) || Buffer.compare(v, want[i]![1])) console.log(i, Buffer.from(k).toString('latin1'), Buffer.from(want[i]![0]).toString('latin1')) })
    }
    scan('first')
    const p = (await db.verify()).problems
    console.log(p)
    scan('after verify')
    try { db.compactSync(); console.log('compacted')} catch (e) { console.log('compact', String(e)) }
    scan('after compact')
    console.log(fs.log.slice(-30).map(l => l.kind + l.name + l.offset).join('\n'))
    await db.close()
  }
})
