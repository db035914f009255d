/** A worker of the user's own, as far as varve is concerned: runs the scenario whose name it is sent, and tells what came of it. */
import { SCENARIOS } from './scenarios.ts'

addEventListener('message', ({ data }: MessageEvent<string>) => {
  const scenario = SCENARIOS[data]
  const run = async (): Promise<unknown> => {
    if (scenario === undefined) throw new Error(`no scenario ${data}`)
    return scenario()
  }
  void run().then(
    (result) => postMessage({ result }),
    (error: unknown) =>
      postMessage({
        error: error instanceof Error ? `${error.name}: ${error.message}\n${error.stack}` : String(error),
      }),
  )
})
