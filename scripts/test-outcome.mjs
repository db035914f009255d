// A reporter for vitest that leaves what scripts/test.mjs adds up and repeats at its end: how many tests passed,
// and of each that did not, its name and the first lines of why.
import { writeFileSync } from 'node:fs'

const LINES = 12

function why(errors) {
  return (errors ?? [])
    .map((error) =>
      String(error?.stack ?? error?.message ?? error)
        .split('\n')
        .slice(0, LINES)
        .join('\n'),
    )
    .join('\n')
}

export default class TestOutcome {
  onTestRunEnd(modules, unhandledErrors) {
    let passed = 0
    const failures = []
    for (const module of modules) {
      const errors = module.errors()
      if (errors.length > 0) failures.push({ name: module.relativeModuleId, why: why(errors) })
      for (const suite of module.children.allSuites()) {
        if (suite.errors().length > 0) failures.push({ name: suite.fullName, why: why(suite.errors()) })
      }
      for (const test of module.children.allTests()) {
        const result = test.result()
        if (result.state === 'passed') passed++
        else {
          failures.push({
            name: `${module.relativeModuleId} > ${test.fullName}`,
            why: result.state === 'failed' ? why(result.errors) : result.state,
          })
        }
      }
    }
    for (const error of unhandledErrors) failures.push({ name: 'outside of the tests', why: why([error]) })
    writeFileSync(process.env.VARVE_TEST_OUTCOME, JSON.stringify({ passed, failures }))
  }
}
