import { type KernelThread, SUSPENDED } from './kernel-thread.ts'
import type { Machine } from './machine.ts'
import type { Program, Step } from './scene.ts'

/** A thread that makes one call of the kernel after another. */
export class StepThread implements Program {
  readonly #machine: Machine
  readonly #kernel: KernelThread
  readonly #steps: readonly Step[]
  #step = 0

  constructor(machine: Machine, _thread: number, kernel: KernelThread, steps: readonly Step[]) {
    this.#machine = machine
    this.#kernel = kernel
    this.#steps = steps
  }

  restart(): void {
    this.#step = 0
  }

  run(): boolean {
    const steps = this.#steps
    const kernel = this.#kernel
    for (; this.#step < steps.length; this.#step++) {
      const step = steps[this.#step] as Step
      if (!kernel.isSuspended && step.when?.() === false) continue
      const result = kernel.call(step.call)
      if (result === SUSPENDED) return false
      const { length } = this.#machine
      step.done?.(result as number, kernel.began < 0 ? length : kernel.began, length)
      kernel.began = -1
    }
    return true
  }

  unfinished(): { readonly step: number; readonly began: number } | undefined {
    const { began } = this.#kernel
    return began < 0 ? undefined : { step: this.#step, began }
  }
}
