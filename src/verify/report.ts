import type { VerifyReport } from '../engine/verify-report.ts'
import { VarveError } from '../errors.ts'

/** A database that is damaged all over is told no longer story than this. */
const PROBLEMS_MAX = 1000

export function emptyReport(): VerifyReport {
  return { files: 0, tables: 0, blocks: 0, entries: 0, bytes: 0, problems: [] }
}

export function addProblem(report: VerifyReport, { code, message, file, offset }: VarveError): void {
  if (report.problems.length < PROBLEMS_MAX) report.problems.push({ code, message, file, offset })
}

/** Notes what a step threw because of what is on disk. @throws anything else */
export function noteProblem(report: VerifyReport, error: unknown): void {
  const isAboutFiles =
    error instanceof VarveError && ['CORRUPT', 'MISSING_FILE', 'FORMAT_VERSION', 'IO'].includes(error.code)
  if (!isAboutFiles) throw error
  addProblem(report, error)
}
