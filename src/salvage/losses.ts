import type { Loss } from '../engine/salvage-report.ts'

/** What is lost, as it is found out. */
export class Losses {
  readonly found: Loss[] = []

  add(file: string, offset: number, bytes: number, reason: string): void {
    this.found.push({ file, offset, bytes, reason })
  }

  addEntries(file: string, entries: number): void {
    this.found.push({ file, offset: 0, bytes: 0, reason: 'entries in what could not be read', entries })
  }
}
