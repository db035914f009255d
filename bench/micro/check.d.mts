export interface Outcome {
  result: number
  digest: number
}

export declare const NAMES: readonly string[]

export declare function outcomes(
  name: string,
  wasm: string,
  sizes: { entries: number; cached: number; blocks: number; raises: number },
): Promise<{ wasm: Outcome; twin: Outcome }>
