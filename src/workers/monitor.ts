import { CONTROL_ORPHANED, SLOTS, SLOT_BYTES, SLOT_PULSE } from '../../assembly/memory/layout.ts'
import { isInCriticalSection, poisonAll, ring } from '../engine/critical-section.ts'
import type { LivenessMessage, MonitorRequest, ThreadEnded, Watch } from './messages.ts'
import type { ThreadPort } from './thread-host.ts'

/**
 * Watches the threads of a database, on a thread that does nothing else and never waits: who ends without a word is noticed at once, whatever the
 * others are doing. In the middle of something critical it poisons; else the keeper takes back what the thread had.
 */
export function watch({ memory, calledOff }: Watch, keeper: ThreadPort): void {
  const words = new Int32Array(memory.buffer)
  const threads = new Set<ThreadPort>()
  let unwatched = false
  keeper.onMessage((message, [port]) => {
    const request = message as MonitorRequest
    if (request.kind === 'unwatch') {
      unwatched = true
      for (const thread of threads) thread.close()
      keeper.close()
    } else if (port !== undefined) {
      threads.add(port)
      watchThread(words, request.slot, port, keeper, () => unwatched)
      port.onClose(() => threads.delete(port))
    }
  })
  keeper.onClose(() => {
    // ORDER: called off before the port is closed (MovingKeeper).
    if (unwatched || Atomics.load(calledOff, 0) !== 0) return
    // NOTE: the keeper's thread has ended, in the middle of anything.
    Atomics.store(words, CONTROL_ORPHANED >>> 2, 1)
    poisonAll(words)
  })
}

function watchThread(
  words: Int32Array,
  slot: number,
  port: ThreadPort,
  keeper: ThreadPort,
  isUnwatched: () => boolean,
): void {
  let hasLeft = false
  port.onMessage((message) => {
    if ((message as LivenessMessage).kind === 'left') hasLeft = true
    else {
      Atomics.add(words, (SLOTS + slot * SLOT_BYTES + SLOT_PULSE) >>> 2, 1)
      ring(words, slot)
    }
  })
  port.onClose(() => {
    if (hasLeft || isUnwatched()) return
    if (isInCriticalSection(words, slot)) poisonAll(words)
    else keeper.post({ kind: 'ended', slot } satisfies ThreadEnded)
  })
}
