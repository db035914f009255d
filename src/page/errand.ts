import { errorOf } from '../remote/plain-error.ts'
import type { Errand, FromErrand } from '../remote/tab-messages.ts'
import { pathNameOf } from '../fs/opfs-path.ts'
import { forgetDatabase } from './eviction.ts'
import { notStarted, startWorker } from './engine-script.ts'

/** What is done with a database that no page has open: by a worker that is started for it. */

export async function destroyOnPage(location: string): Promise<void> {
  const { worker } = await errand({ kind: 'destroy', location }, [])
  worker.terminate()
  forgetDatabase(pathNameOf(location))
}

/** NOTE: the worker goes when it says that the database is free again. */
export async function exportOnPage(location: string): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
  const { answer, worker } = await errand({ kind: 'export', location }, [])
  if (answer.kind !== 'stream') throw new TypeError('the worker sent no stream')
  const isFree = new Promise<void>((resolve) => {
    worker.onmessage = () => resolve()
  }).then(() => worker.terminate())
  const reader = answer.stream.getReader()
  return new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      async pull(controller) {
        const { done, value } = await reader.read()
        if (!done) return controller.enqueue(value)
        await isFree
        controller.close()
      },
      async cancel() {
        // NOTE: without the reason, which need not be one that can be sent.
        await reader.cancel()
        await isFree
      },
    },
    { highWaterMark: 0 },
  )
}

export async function importOnPage(location: string, stream: ReadableStream<Uint8Array>): Promise<void> {
  const { worker } = await errand({ kind: 'import', location, stream }, [stream])
  worker.terminate()
}

/** @throws what the worker says */
function errand(message: Errand, transfer: Transferable[]): Promise<{ answer: FromErrand; worker: Worker }> {
  const worker = startWorker(undefined)
  return new Promise<{ answer: FromErrand; worker: Worker }>((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<FromErrand>) =>
      data.kind === 'failed' ? reject(errorOf(data.error)) : resolve({ answer: data, worker })
    worker.onerror = (event) => reject(notStarted(event.message))
    worker.postMessage(message, transfer)
  }).catch((error: unknown) => {
    worker.terminate()
    throw error
  })
}
