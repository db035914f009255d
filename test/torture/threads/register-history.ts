/** What was done to registers, in the order of the thread that did it. Each call: five numbers. */

export const WRITE = 0
export const DELETE = 1
export const READ = 2
const FIELDS = 5
const INITIAL_CALLS = 4096

export interface Operation {
  readonly kind: number
  readonly register: number
  /** Written or read; 0: nothing was there. */
  readonly value: number
  /** Moments before the call began and after it returned. */
  readonly invoked: number
  readonly returned: number
}

/** A list of operations in one array, which can be sent to another thread. */
export class RegisterHistory {
  #numbers = new Float64Array(INITIAL_CALLS * FIELDS)
  #length = 0

  add(kind: number, register: number, value: number, invoked: number, returned: number): void {
    if (this.#length + FIELDS > this.#numbers.length) {
      const larger = new Float64Array(this.#numbers.length * 2)
      larger.set(this.#numbers)
      this.#numbers = larger
    }
    this.#numbers.set([kind, register, value, invoked, returned], this.#length)
    this.#length += FIELDS
  }

  numbers(): Float64Array {
    return this.#numbers.slice(0, this.#length)
  }
}

export function operationsOf(numbers: Float64Array): Operation[] {
  const operations: Operation[] = []
  for (let at = 0; at < numbers.length; at += FIELDS) {
    const [kind = 0, register = 0, value = 0, invoked = 0, returned = 0] = numbers.subarray(at, at + FIELDS)
    operations.push({ kind, register, value, invoked, returned })
  }
  return operations
}
