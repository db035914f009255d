/**
 * The worker that is killed (browser.ts). It checks what is there, then writes until it dies: step i is a batch of `a i` and `b i`, every fifth with durability 'sync'. The page passes on
 * what it tells.
 */
import { open } from '../../../src/browser.ts'

/** From the worker: it found a step missing, wrong or torn; it goes on at that step; that step was acknowledged. */
export interface Told {
  readonly violation?: string
  readonly from?: number
  readonly acknowledged?: number
}

const valueOf = (step: number): string => `${step} `.repeat(1 + (step % 400))

async function run(acknowledged: number): Promise<void> {
  const db = await open('killed', { keyEncoding: 'utf8', valueEncoding: 'utf8', memoryLimit: 16 << 20 })
  let step = 0
  for (; ; step++) {
    const a = db.getSync(`a ${step}`)
    const b = db.getSync(`b ${step}`)
    if (a !== b) return tell({ violation: `step ${step} is torn` })
    if (a === undefined) break
    if (a !== valueOf(step)) return tell({ violation: `step ${step} is wrong` })
  }
  if (step <= acknowledged)
    return tell({ violation: `step ${step} is missing, ${acknowledged} was acknowledged` })
  if (db.countSync() !== 2 * step) return tell({ violation: `${db.countSync()} entries after ${step} steps` })
  const { problems } = await db.verify()
  if (problems.length > 0) return tell({ violation: JSON.stringify(problems) })
  tell({ from: step })
  for (; ; step++) {
    const batch = db.batch().put(`a ${step}`, valueOf(step)).put(`b ${step}`, valueOf(step))
    await batch.commit({ durability: step % 5 === 0 ? 'sync' : 'os' })
    tell({ acknowledged: step })
  }
}

function tell(told: Told): void {
  postMessage(told)
}

addEventListener('message', ({ data }: MessageEvent<number>) => {
  run(data).catch((error: unknown) => tell({ violation: String(error) }))
})
