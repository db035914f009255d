/** The reason of a failure in one line. */
export function firstSentence(error) {
  const text = String(error instanceof Error && error.name === 'Error' ? error.message : error)
  const [line] = text.split('\n', 1)
  return line.trim() || 'it failed without a word'
}
