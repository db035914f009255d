import { firstSentence } from './programs/sentence.mjs'

/** What is printed while checks run: a line for each, the seconds of each part, and what they add up to. */
export class Report {
  #passed = 0
  #failed = 0
  #seconds = []

  /** Runs the checks of a part under its heading. @returns whether none of them failed */
  async part(name, checks) {
    process.stdout.write(`\n${name}\n`)
    const start = performance.now()
    const failedBefore = this.#failed
    await checks()
    this.#seconds.push([name, (performance.now() - start) / 1000])
    return this.#failed === failedBefore
  }

  /** Runs one check: it fails by throwing, and may return what there is to say of it. */
  async check(name, action) {
    try {
      const remark = await action()
      this.#passed++
      process.stdout.write(`  ok      ${name}${remark === undefined ? '' : `: ${remark}`}\n`)
    } catch (error) {
      this.#failed++
      process.stdout.write(`  FAILED  ${name}: ${firstSentence(error)}\n`)
    }
  }

  /** @returns whether everything passed */
  conclude() {
    process.stdout.write('\nseconds per part\n')
    for (const [name, seconds] of this.#seconds) {
      process.stdout.write(`  ${name.padEnd(12)} ${seconds.toFixed(1)}\n`)
    }
    process.stdout.write(`\n${this.#passed} passed, ${this.#failed} failed\n`)
    return this.#failed === 0 && this.#passed > 0
  }
}
