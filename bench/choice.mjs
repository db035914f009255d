/** What an environment variable chooses of `known`, separated by semicolons, for names have commas in them; else `otherwise`. */
export function chosenBy(variable, known, otherwise = known) {
  const names = process.env[variable]?.split(';')
  if (names === undefined) return [...otherwise]
  const unknown = names.filter((name) => !known.includes(name))
  if (unknown.length > 0)
    throw new RangeError(`${variable}: there is no ${unknown.join('; ')}; known are ${known.join('; ')}`)
  return names
}
