/** What one case costs: time, and memory that it asks for. RELIABILITY 4.2: damage may not cost more than this. */
import { Violation } from '../runner.ts'

const MIB = 1048576
const mostBytes = 64 * MIB
const mostCpuMs = 1000
/** On the clock, as the machine may have other work. */
const mostMs = 60_000

const arrays = [
  'ArrayBuffer',
  'SharedArrayBuffer',
  'Uint8Array',
  'Int32Array',
  'Uint32Array',
  'Float64Array',
  'BigInt64Array',
  'BigUint64Array',
  'Array',
] as const

let askedBytes = 0
let counting = false

/**
 * Counts what constructors of arrays are asked for; what they are given as a copy of something else is as large as that.
 * NOTE: the host's own account of memory forgets what was freed meanwhile, and memory that was never touched.
 */
function countArrays(): void {
  if (counting) return
  counting = true
  const globals = globalThis as unknown as Record<string, unknown>
  for (const name of arrays) {
    const original = globals[name] as (new (...args: unknown[]) => object) & { BYTES_PER_ELEMENT?: number }
    const unit = original.BYTES_PER_ELEMENT ?? (name === 'Array' ? 8 : 1)
    const counted: typeof original = new Proxy(original, {
      construct(target, args, newTarget) {
        if (args.length === 1 && typeof args[0] === 'number') askedBytes += args[0] * unit
        return Reflect.construct(target, args, newTarget === counted ? target : newTarget) as object
      },
    })
    globals[name] = counted
  }
}

export interface Cost {
  readonly askedBytes: number
  readonly cpuMs: number
}

/** Runs one case. @throws Violation if it costs too much */
export async function metered<T>(step: () => Promise<T>): Promise<T> {
  countArrays()
  askedBytes = 0
  // NOTE: traces of errors that are caught would take longer than what threw them.
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 0
  const rssKib = process.resourceUsage().maxRSS
  const began = performance.now()
  const cpu = process.cpuUsage()
  const result = await step().finally(() => (Error.stackTraceLimit = stackTraceLimit))
  const { user, system } = process.cpuUsage(cpu)
  const cpuMs = (user + system) / 1000
  const ms = performance.now() - began
  if (cpuMs > mostCpuMs || ms > mostMs)
    throw new Violation(`it took ${cpuMs} ms of the processor in ${ms} ms`)
  if (askedBytes > mostBytes) throw new Violation(`it asked for ${askedBytes} B of memory`)
  const grownBytes = 1024 * (process.resourceUsage().maxRSS - rssKib)
  if (grownBytes > mostBytes) throw new Violation(`it made the process grow by ${grownBytes} B`)
  return result
}
