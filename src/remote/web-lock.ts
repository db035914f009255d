/** Holds a Web Lock while `step` runs. @returns whether it could be had. @throws what the step throws; an AbortError if `signal` ends the waiting */
export async function holdLock(
  name: string,
  step: () => Promise<void>,
  options: LockOptions = {},
): Promise<boolean> {
  return navigator.locks.request(name, options, async (lock) => {
    if (lock === null) return false
    await step()
    return true
  })
}
