import { inspect, isDeepStrictEqual } from 'node:util'

const SHOWN_CHARACTERS = 80

/** @throws unless both are the same, deeply; `what` begins the sentence */
export function expectSame(what, actual, expected) {
  if (!isDeepStrictEqual(actual, expected))
    throw new Error(`${what} should be ${show(expected)}, and is ${show(actual)}`)
}

/** @throws unless the action rejects with that code. @returns the error */
export async function expectCode(what, code, action) {
  let outcome = 'succeeded'
  try {
    await action()
  } catch (error) {
    if (error.code === code) return error
    outcome = `failed with ${error}`
  }
  throw new Error(`${what} should fail with ${code}, and ${outcome}`)
}

function show(value) {
  const text = inspect(value, { breakLength: Infinity }).replaceAll('\n', ' ')
  return text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text
}
