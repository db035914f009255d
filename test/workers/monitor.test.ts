import { describe, expect, it } from 'vitest'
import { CONTROL_ORPHANED, CONTROL_POISON } from '../../assembly/memory/layout.ts'
import { watch } from '../../src/workers/monitor.ts'
import type { ThreadPort } from '../../src/workers/thread-host.ts'

/** A port whose other end can be made to end. */
class EndingPort implements ThreadPort {
  #onClose: () => void = () => {}

  post(): void {}
  onMessage(): void {}
  receive(): undefined {}
  keepAlive(): void {}
  close(): void {}

  onClose(listener: () => void): void {
    this.#onClose = listener
  }

  end(): void {
    this.#onClose()
  }
}

/** Watches a keeper that ends without a word. @returns what it says in the memory */
function afterTheEnd(isCalledOff: boolean): { orphaned: number; poisoned: number } {
  const memory = new WebAssembly.Memory({ initial: 16, maximum: 16, shared: true })
  const calledOff = new Int32Array(new SharedArrayBuffer(4))
  const port = new EndingPort()
  watch({ kind: 'watch', memory, calledOff }, port)
  if (isCalledOff) calledOff[0] = 1
  port.end()
  const words = new Int32Array(memory.buffer)
  return {
    orphaned: words[CONTROL_ORPHANED >>> 2] as number,
    poisoned: words[CONTROL_POISON >>> 2] as number,
  }
}

describe('the monitor', () => {
  it('poisons the database of a keeper that ends without a word', () => {
    expect(afterTheEnd(false)).toEqual({ orphaned: 1, poisoned: 1 })
  })

  it('leaves a database alone whose keeper has not moved after all', () => {
    expect(afterTheEnd(true)).toEqual({ orphaned: 0, poisoned: 0 })
  })
})
