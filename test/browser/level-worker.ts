/** abstract-level's suite in a worker of the user's own, where there is no vitest: a shim of tape that runs one test after the other. */
import suite from 'abstract-level/test'
import { assert } from 'chai'
import { VarveLevel } from '../../src/level/index.ts'
import type { TapeTest } from '../level/tape-shim.ts'

export interface SuiteFigures {
  readonly tests: number
  readonly assertions: number
  readonly failures: readonly string[]
}

/** A test without a limit of its own would keep the others waiting for ever. */
const TEST_LIMIT_MS = 30_000

type Body = (t: TapeTest) => unknown

const tests: { name: string; body: Body }[] = []
const failures: string[] = []
let assertions = 0

/** One test: ends as those of test/level/tape-shim.ts do. */
async function run(body: Body): Promise<void> {
  let made = 0
  let planned: number | undefined
  let end: () => void = () => {}
  const ended = new Promise<void>((resolve) => {
    end = resolve
  })
  const check = (step: () => void): void => {
    step()
    assertions++
    if (++made === planned) end()
  }
  const result = body({
    is: (a, b, message) => check(() => assert.strictEqual(a, b, message)),
    isNot: (a, b, message) => check(() => assert.notStrictEqual(a, b, message)),
    same: (a, b, message) => check(() => assert.deepStrictEqual(a, b, message)),
    ok: (value, message) => check(() => assert.ok(value, message)),
    pass: () => check(() => {}),
    fail: (message) => check(() => assert.fail(message ?? 'failed')),
    throws: (step, matches, message) =>
      check(() => {
        let thrown: unknown
        try {
          step()
        } catch (error) {
          thrown = error
        }
        assert.ok(thrown !== undefined && matches(thrown), message ?? 'throws what is expected')
      }),
    doesNotThrow: (step) => check(() => void step()),
    plan(count) {
      planned = count
      if (count === 0) end()
    },
    end,
  })
  await (result instanceof Promise ? result : ended)
  if (planned !== undefined) assert.strictEqual(made, planned, 'assertions made, of those planned')
}

/** Rejects when a test takes longer than any should. */
function limit(): Promise<never> {
  return new Promise((_, reject) => setTimeout(reject, TEST_LIMIT_MS, new Error('did not end')))
}

/** Says the name of each test before it begins, so that whoever waits for the figures knows where they hang. */
async function runAll(): Promise<void> {
  for (const { name, body } of tests) {
    postMessage(name)
    try {
      await Promise.race([run(body), limit()])
    } catch (error) {
      failures.push(`${name}: ${error instanceof Error ? error.stack : String(error)}`)
    }
  }
}

addEventListener('unhandledrejection', (event) => failures.push(`unhandled: ${String(event.reason)}`))

const prefix = `level-${crypto.randomUUID()}`
let databases = 0
suite({
  test: (name, body) => void tests.push({ name, body: body }),
  factory: (options) => new VarveLevel(`${prefix}/${databases++}`, options),
})

void runAll().then(async () => {
  const root = await navigator.storage.getDirectory()
  await root.removeEntry(prefix, { recursive: true }).catch(() => undefined)
  postMessage({ tests: tests.length, assertions, failures } satisfies SuiteFigures)
})
