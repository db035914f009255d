import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { VarveError } from '../../src/errors.ts'
import { journalFileName } from '../../src/fs/file-names.ts'
import { nodeFileSystem } from '../../src/fs/node.ts'
import { KIND_BATCH, KIND_GAP, type JournalLink } from '../../src/journal/format.ts'
import type { JournalSource } from '../../src/journal/scan.ts'
import { JOURNAL_BUFFER_BYTES, JournalWriter } from '../../src/journal/writer.ts'
import {
  bootA,
  checkSeqnos,
  digest,
  headerOf,
  MIB,
  payloadOf,
  ProbeFile,
  put,
  recover,
  testKernel,
  type Way,
} from './support.ts'

vi.setConfig({ testTimeout: 120_000 })

type Action =
  | { do: 'put'; size: number; count: number; hold: boolean; way: Way; landing: number | undefined }
  | { do: 'writeOut'; landing: number | undefined }
  | { do: 'sync' | 'syncAsync' | 'rotate' | 'abandon' }

const sizes = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 300 }) },
  { weight: 2, arbitrary: fc.integer({ min: 30_000, max: 70_000 }) },
  { weight: 1, arbitrary: fc.integer({ min: JOURNAL_BUFFER_BYTES - 60, max: JOURNAL_BUFFER_BYTES + 60 }) },
  { weight: 1, arbitrary: fc.integer({ min: 131_000, max: 400_000 }) },
)
const landing = fc.option(fc.integer({ min: 0, max: 2000 }), { nil: undefined, freq: 5 })
const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      do: fc.constant('put' as const),
      size: sizes,
      count: fc.integer({ min: 1, max: 4 }),
      hold: fc.boolean(),
      way: fc.constantFrom('append' as const, 'record' as const),
      landing,
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('writeOut' as const), landing }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('sync' as const, 'syncAsync' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('rotate' as const, 'abandon' as const) }) },
)

interface Entry {
  digest: string
  count: number
}

/** What should be readable, and what only the buffer has. */
class Model {
  readonly written: Entry[] = []
  held: Entry[] = []
  nextSeqno = 1

  acknowledge(entry: Entry, inFile: boolean): void {
    this.held.push(entry)
    if (inFile) this.flush()
  }

  flush(): void {
    this.written.push(...this.held)
    this.held = []
  }
}

describe('what is written', () => {
  it('is read back, whatever the mix', async () => {
    const property = fc.asyncProperty(fc.array(action, { minLength: 1, maxLength: 40 }), async (actions) => {
      const kernel = testKernel(4 * MIB)
      const model = new Model()
      const sources: JournalSource[] = []
      const open = (before?: JournalLink, earlier?: JournalWriter): [ProbeFile, JournalWriter] => {
        const id = sources.length + 1
        const file = new ProbeFile(id)
        sources.push({ id, name: file.name, file, seal: undefined })
        const header = headerOf(id, before)
        return [file, JournalWriter.begin(kernel, file, header, kernel.exports.nextSeqno(), earlier)]
      }
      let [file, writer] = open()
      /** Runs what may find the disk full. */
      const attempt = (space: number | undefined, run: () => void): boolean => {
        if (space !== undefined) file.faults.write = (_, length) => (space < length ? space : length)
        try {
          run()
          return true
        } catch (error) {
          if (!(error instanceof VarveError && error.code === 'DISK_FULL')) throw error
          return false
        } finally {
          file.faults = {}
        }
      }
      for (const [seed, step] of actions.entries()) {
        switch (step.do) {
          case 'put': {
            const { size, count, hold, way } = step
            const payload = payloadOf(seed, size, count)
            const waiting = writer.bufferedBytes
            const { length } = writer
            const done = attempt(step.landing, () => put(kernel, writer, payload, count, hold, way))
            // The frames that waited went out, with this one or, for lack of room, before it.
            if (writer.length > length && (!done || writer.bufferedBytes > 0)) model.flush()
            if (done) model.acknowledge({ digest: digest(payload), count }, writer.bufferedBytes === 0)
            if (done && !hold) expect(writer.bufferedBytes).toBe(0)
            if (!done && writer.length === length) expect(writer.bufferedBytes).toBe(waiting)
            break
          }
          case 'writeOut':
            if (attempt(step.landing, () => writer.writeOut())) model.flush()
            break
          case 'sync':
            writer.sync()
            model.flush()
            expect(writer.syncedOffset).toBe(writer.length)
            expect(file.durable.byteLength).toBe(writer.length)
            break
          case 'syncAsync':
            await writer.syncAsync()
            model.flush()
            expect(writer.syncedOffset).toBe(writer.length)
            break
          case 'rotate': {
            const before = writer
            ;[file, writer] = open(writer.seal(), before)
            model.flush()
            break
          }
          case 'abandon':
            kernel.exports.beginGroup(kernel.slot, 3)
            writer.abandonGroup(3)
            break
        }
        expect(file.bytes.byteLength).toBe(writer.length)
      }
      const check = (): void => {
        const reading = recover(kernel, sources, bootA)
        if (reading instanceof VarveError) throw reading
        expect(reading.end.cut).toBeUndefined()
        checkSeqnos(reading.frames, 1)
        const batches = reading.frames.filter(({ kind }) => kind === KIND_BATCH)
        const found = batches.map(({ payload, count }) => ({ digest: digest(payload), count }))
        expect(found).toEqual(model.written)
        for (const { kind, payload } of reading.frames)
          if (kind === KIND_GAP) expect(payload.byteLength).toBe(0)
      }
      // A killed process first: only what is in the file. Then all of it.
      check()
      writer.seal()
      model.flush()
      check()
      const { end } = recover(kernel, sources, bootA) as {
        end: { nextSeqno: number | undefined; tail: unknown }
      }
      expect(end.nextSeqno ?? 1).toBe(kernel.exports.nextSeqno())
      expect(end.tail).toEqual(writer.seal())
      kernel.release()
    })
    await fc.assert(property, { numRuns: 150 })
  })

  it('is read back from a real file, mapped straight into linear memory', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'varve-journal-'))
    try {
      const fs = nodeFileSystem(directory)
      const name = journalFileName(1)
      const kernel = testKernel(4 * MIB)
      const writer = JournalWriter.begin(kernel, await fs.create(name), headerOf(1), 1)
      const payloads = [20, 3000, 90_000, 130_900, 131_000, 1_000_000].map((size) => payloadOf(size, size))
      for (const payload of payloads) {
        put(kernel, writer, payload, 1, true)
        put(kernel, writer, payload, 1, false, 'record')
      }
      await writer.syncAsync()
      const link = writer.seal()
      writer.close()
      const file = await fs.open(name, false)
      const reading = recover(kernel, [{ id: 1, name, file, seal: link }], fs.bootId)
      file.close()
      if (reading instanceof VarveError) throw reading
      const found = reading.frames.map(({ payload }) => digest(payload))
      expect(found).toEqual(payloads.flatMap((payload) => [digest(payload), digest(payload)]))
      kernel.release()
    } finally {
      await rm(directory, { recursive: true })
    }
  })
})
