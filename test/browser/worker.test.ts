import { afterEach, describe, expect, it } from 'vitest'

let worker: Worker | undefined

afterEach(() => {
  worker?.terminate()
  worker = undefined
})

function inWorker(scenario: string): Promise<unknown> {
  const started = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' })
  worker = started
  return new Promise((resolve, reject) => {
    started.onmessage = ({ data }: MessageEvent<{ result?: unknown; error?: string }>) =>
      data.error === undefined ? resolve(data.result) : reject(new Error(data.error))
    started.onerror = (event) => reject(new Error(event.message))
    started.postMessage(scenario)
  })
}

describe('a database in a worker', () => {
  it('does what one in Node does', async () => {
    expect(await inWorker('basics')).toEqual({
      a: undefined,
      b: 'newer',
      before: '2',
      range: [
        ['b', 'newer'],
        ['c', '3'],
      ],
      reverse: [
        ['c', '3'],
        ['b', 'newer'],
      ],
      slice: '3',
      kept: [
        ['b', 'newer'],
        ['c', '3'],
      ],
    })
  })

  it('holds more than its memory', async () => {
    expect(await inWorker('bulk')).toEqual({ wrong: 0, counted: 200_000, problems: [], hasTables: true })
  })

  it('keeps what was synced', async () => {
    expect(await inWorker('durable')).toBe(20)
  })

  it('has one owner, and is gone once it is destroyed', async () => {
    expect(await inWorker('owners')).toEqual({
      second: 'LOCKED',
      destroyed: 'LOCKED',
      missing: 'NOT_FOUND',
      nested: 'NOT_FOUND',
      names: [],
    })
  })
})
