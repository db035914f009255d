/** A method before it is replaced, to be called with its object. */
export function original<T extends object, K extends keyof T>(owner: T, name: K): T[K] {
  return owner[name]
}
