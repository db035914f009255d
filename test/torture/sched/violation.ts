/** Something that no schedule may lead to. */
export class Violation extends Error {
  override readonly name: string = 'Violation'
}

export function expectThat(condition: boolean, message: () => string): void {
  if (!condition) throw new Violation(message())
}

/** A schedule as text, one letter for each move: digits are threads, letters threads whose sleep ends by itself. */
const LETTERS = '01234567abcdefgh'

export function scheduleText(moves: Uint8Array | readonly number[]): string {
  let text = ''
  for (const move of moves) text += LETTERS[move] as string
  return text
}

/** @throws RangeError */
export function parseSchedule(text: string): number[] {
  return [...text].map((letter) => {
    const move = LETTERS.indexOf(letter)
    if (move < 0) throw new RangeError(`${letter} in a schedule: moves are 0 to 7 and a to h`)
    return move
  })
}
