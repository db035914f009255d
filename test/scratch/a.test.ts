import { it } from 'vitest'
import { loadGolden } from '../torture/golden/golden.ts'
import { examine, isDetected } from '../torture/damage/examine.ts'
it('x', async () => {
  const golden = loadGolden()
  for (const image of ['killed', 'closed'] as const) {
    const t0 = performance.now()
    for (let i = 0; i < 100; i++) {
    const f = await examine(golden.images[image], { golden, states: golden.states, async: i % 2 === 1 })
    if (i < 2) console.log(image, f, performance.now() - t0)
    }
    console.log(image, (performance.now() - t0) / 100)
  }
  const cost = new Map<string, number>()
  const tally = new Map<string, number>()
  for (const image of ['killed', 'closed'] as const) for (const [name, bytes] of golden.images[image]) {
    const t0 = performance.now()
    let n = 0
    for (let at = 0; at < bytes.length; at += 7) {
      const b = bytes.slice(); b[at] ^= 1 << (at % 8)
      n++
      try {
        const f = await examine(new Map(golden.images[image]).set(name, b), { golden, states: golden.states, async: at % 2 === 1 })
        const k = `${image} ${name} ${f.refusal?.code}|${f.refusal?.file}|${f.reason}|${f.failures.length > 0}|${f.problems.map(p => p.code + p.file).join()}|${isDetected(f)}|${f.state}`
        tally.set(k, (tally.get(k) ?? 0) + 1)
      } catch (e) { console.log(image, name, at, String(e), (e as any).cause) ; }
    }
    cost.set(image + name, (performance.now() - t0) / n)
  }
  console.log(tally, cost)
})
