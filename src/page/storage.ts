/** How much this site stores, of all that it may. */
export interface StorageEstimate {
  readonly usageBytes: number
  readonly quotaBytes: number
}

/**
 * Asks the browser to keep what this site stores when space gets short. NOTE: a browser may ask its user, who need not answer: nothing should wait for this.
 * @returns whether it is kept; false where the browser has no say in it
 * @example void requestPersistentStorage().then((isKept) => console.log(isKept))
 */
export async function requestPersistentStorage(): Promise<boolean> {
  const manager = storageManager()
  return manager?.persist === undefined ? false : manager.persist()
}

/** What the browser tells of this site's storage, about. Undefined where it does not tell. */
export async function estimateStorage(): Promise<StorageEstimate | undefined> {
  const manager = storageManager()
  if (manager?.estimate === undefined) return undefined
  const { usage = 0, quota = 0 } = await manager.estimate()
  return { usageBytes: usage, quotaBytes: quota }
}

function storageManager(): Partial<StorageManager> | undefined {
  return typeof navigator === 'undefined' ? undefined : (navigator as Partial<Navigator>).storage
}
