/** What was promised, by the history that would show it. */
export type History = 'groups' | 'registers' | 'lists' | 'values' | 'errors'

/** A read that the promise of isolation does not allow. */
export class Anomaly extends Error {
  override readonly name: string = 'Anomaly'
  readonly history: History

  constructor(history: History, message: string) {
    super(message)
    this.history = history
  }
}
