import { errorOf } from '../remote/plain-error.ts'
import type { FromWorker, ToWorker } from '../remote/tab-messages.ts'
import { pathOf } from '../fs/opfs-path.ts'
import { forgetDatabase } from './eviction.ts'
import { notStarted, startWorker } from './engine-script.ts'

/** What is done with a database that no page has open: by a worker that is started for it. */

export async function destroyOnPage(location: string): Promise<void> {
  const { end } = await errand({ kind: 'destroy', location }, [])
  end()
  forgetDatabase(pathOf(location).join('/'))
}

/** NOTE: the worker goes when the stream has ended. */
export async function exportOnPage(location: string): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
  const { answer, end } = await errand({ kind: 'export', location }, [])
  if (answer.kind !== 'stream') throw new TypeError('the worker sent no stream')
  const reader = answer.stream.getReader()
  return new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      async pull(controller) {
        try {
          const { done, value } = await reader.read()
          if (!done) return controller.enqueue(value)
          end()
          controller.close()
        } catch (error) {
          end()
          throw error
        }
      },
      async cancel(reason) {
        await reader.cancel(reason)
        end()
      },
    },
    { highWaterMark: 0 },
  )
}

export async function importOnPage(location: string, stream: ReadableStream<Uint8Array>): Promise<void> {
  const { end } = await errand({ kind: 'import', location, stream }, [stream as unknown as Transferable])
  end()
}

/** @throws what the worker says */
function errand(
  message: ToWorker,
  transfer: Transferable[],
): Promise<{ answer: FromWorker; end: () => void }> {
  const worker = startWorker(undefined)
  const end = (): void => worker.terminate()
  return new Promise<{ answer: FromWorker; end: () => void }>((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<FromWorker>) =>
      data.kind === 'failed' ? reject(errorOf(data.error)) : resolve({ answer: data, end })
    worker.onerror = (event) => reject(notStarted(event.message))
    worker.postMessage(message, transfer)
  }).catch((error: unknown) => {
    end()
    throw error
  })
}
