/**
 * A host whose randomness and clocks are the test's, so that two runs can be equal to the last byte. The engine has no seam for it:
 * the globals that it asks are replaced for the time of a call.
 */
import { mulberry32, pick } from './random.ts'

/** Both clocks stand still unless they are set. */
export interface PretendedHost {
  /** What Date.now() says. */
  wallMs: number
  /** What performance.now() says. */
  uptimeMs: number
}

/** Runs `body` on a pretended host, whose random bytes follow from `seed`; afterwards the real one is back. */
export async function onPretendedHost<T>(
  seed: number,
  body: (host: PretendedHost) => Promise<T>,
): Promise<T> {
  const random = mulberry32(seed)
  const host: PretendedHost = { wallMs: 1_700_000_000_000, uptimeMs: 1_000_000 }
  const undo = [
    replace(crypto, 'getRandomValues', (bytes: Uint8Array): Uint8Array => {
      for (let i = 0; i < bytes.length; i++) bytes[i] = pick(random, 256)
      return bytes
    }),
    replace(Date, 'now', () => host.wallMs),
    replace(performance, 'now', () => host.uptimeMs),
  ]
  try {
    return await body(host)
  } finally {
    for (const each of undo) each()
  }
}

function replace(object: object, name: string, value: unknown): () => void {
  const own = Object.getOwnPropertyDescriptor(object, name)
  Object.defineProperty(object, name, { value, configurable: true, writable: true })
  return () => {
    if (own === undefined) Reflect.deleteProperty(object, name)
    else Object.defineProperty(object, name, own)
  }
}
