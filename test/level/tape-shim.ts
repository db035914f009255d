import { expect, test } from 'vitest'

/**
 * What abstract-level's suite uses of tape, on vitest: a test of one is a test of the other, and assertions are counted. A test ends when its
 * function's promise is settled, or, without one, at `end()` or when as many assertions were made as it planned.
 */
export interface TapeTest {
  is(actual: unknown, expected: unknown, message?: string): void
  isNot(actual: unknown, expected: unknown, message?: string): void
  same(actual: unknown, expected: unknown, message?: string): void
  ok(value: unknown, message?: string): void
  pass(message?: string): void
  fail(message?: string): void
  throws(step: () => unknown, matches: (error: unknown) => boolean, message?: string): void
  doesNotThrow(step: () => unknown, message?: string): void
  plan(count: number): void
  end(): void
}

type Body = (t: TapeTest) => unknown

/** Assertions that were made and held, over all tests. */
export class AssertionCount {
  assertions = 0
  tests = 0
}

/** The `test` that the suite is given. */
export function tapeOn(count: AssertionCount): (name: string, body: Body) => void {
  return (name, body) => {
    test(name, async () => {
      const run = new Run(count)
      count.tests++
      const result = body(run)
      await (isPromise(result) ? result : run.ended)
      run.checkPlan()
    })
  }
}

class Run implements TapeTest {
  readonly ended: Promise<void>
  readonly #count: AssertionCount
  #resolve: () => void = () => {}
  #planned: number | undefined
  #made = 0

  constructor(count: AssertionCount) {
    this.#count = count
    this.ended = new Promise((resolve) => {
      this.#resolve = resolve
    })
  }

  is(actual: unknown, expected: unknown, message?: string): void {
    this.#assert(() => expect(actual, message).toBe(expected))
  }

  isNot(actual: unknown, expected: unknown, message?: string): void {
    this.#assert(() => expect(actual, message).not.toBe(expected))
  }

  same(actual: unknown, expected: unknown, message?: string): void {
    this.#assert(() => expect(actual, message).toStrictEqual(expected))
  }

  ok(value: unknown, message?: string): void {
    this.#assert(() => expect(value, message).toBeTruthy())
  }

  pass(_message?: string): void {
    this.#assert(() => {})
  }

  fail(message?: string): void {
    this.#assert(() => expect.fail(message ?? 'failed'))
  }

  throws(step: () => unknown, matches: (error: unknown) => boolean, message?: string): void {
    this.#assert(() => {
      let thrown: { error: unknown } | undefined
      try {
        step()
      } catch (error) {
        thrown = { error }
      }
      expect(thrown, message ?? 'throws').toBeDefined()
      expect(matches(thrown?.error), message ?? 'throws what is expected').toBe(true)
    })
  }

  doesNotThrow(step: () => unknown, message?: string): void {
    this.#assert(() => expect(step, message).not.toThrow())
  }

  plan(count: number): void {
    this.#planned = count
    if (count === 0) this.#resolve()
  }

  end(): void {
    this.#resolve()
  }

  checkPlan(): void {
    if (this.#planned !== undefined)
      expect(this.#made, 'assertions made, of those planned').toBe(this.#planned)
  }

  /** NOTE: what fails outside of the test's own call chain reaches vitest as an unhandled error, and the plan is not met. */
  #assert(check: () => void): void {
    check()
    this.#count.assertions++
    this.#made++
    if (this.#made === this.#planned) this.#resolve()
  }
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value
}
