import { SLOT_GROUP_SEQNO } from '../../../assembly/memory/layout.ts'
import type { History } from './anomaly.ts'
import type { Patch } from './patches.ts'

/** A bug of isolation, to be seeded in the engine, and the histories that show it. */
export interface Bug {
  readonly patches: readonly Patch[]
  readonly histories: readonly History[]
}

const WRITE_PATH = 'src/engine/write-path.ts'
const POINT_READ = 'src/engine/point-read.ts'
const RANGE = 'src/engine/range-cursor.ts'
const READS = 'src/api/keyspace-reads.ts'

/** The five that the issue of threads names, and others of their kind. */
export const BUGS: Readonly<Record<string, Bug>> = {
  'a batch is published before it is inserted': {
    patches: [
      {
        file: WRITE_PATH,
        find: '      applyPayload(kernel, this.#page, record.bytes,',
        replace: '      exports.publishGroup(slot)\n      applyPayload(kernel, this.#page, record.bytes,',
      },
    ],
    histories: ['groups', 'lists', 'registers'],
  },
  'a latest read takes its S before the SuperVersion and does not look again': {
    patches: [
      {
        file: POINT_READ,
        find: '        const superVersion = tree.superVersionAt(s)\n',
        replace:
          '        if (s === 0) {\n          s = this.#engine.visibleSeqno()\n          doze()\n        }\n        const superVersion = tree.superVersionAt(s)\n',
      },
    ],
    histories: ['registers', 'lists'],
  },
  'getMany reads each key at a moment of its own': {
    patches: [
      {
        file: READS,
        find: 'contents.map((content) => readValue(this.view, content, s) as Decoded<VE> | undefined)',
        replace:
          'contents.map((content) => (void s, readValue(this.view, content, seqno) as Decoded<VE> | undefined))',
      },
    ],
    histories: ['groups', 'lists', 'registers'],
  },
  'a batch is committed in two groups': {
    patches: [
      {
        file: WRITE_PATH,
        find: '      applyPayload(kernel, this.#page, record.bytes, FRAME_HEADER_BYTES, record.end, (id) => ({\n        memtable: engine.tree(id)?.active ?? 0,\n        flushedSeqno: 0,\n      }))\n',
        replace: `
      const targetOf = (id: number) => ({ memtable: engine.tree(id)?.active ?? 0, flushedSeqno: 0 })
      const entries = new DataView(record.bytes.buffer, record.bytes.byteOffset)
      let middle = FRAME_HEADER_BYTES
      for (let i = 0; i < record.count >> 1; i++) {
        middle += ENTRY_HEADER_BYTES + entries.getUint32(middle + ENTRY_VALUE_LENGTH, true)
          + entries.getUint16(middle + ENTRY_KEY_LENGTH, true)
      }
      applyPayload(kernel, this.#page, record.bytes, FRAME_HEADER_BYTES, middle, targetOf)
      exports.publishSeqno(kernel.seqno(GROUP_SEQNO))
      applyPayload(kernel, this.#page, record.bytes, middle, record.end, targetOf)
`.replace('GROUP_SEQNO', String(SLOT_GROUP_SEQNO)),
      },
    ],
    histories: ['groups', 'lists'],
  },
  'a range does not register its S': {
    patches: [
      {
        file: RANGE,
        find: '    if (engine.thread.isShared && seqno === 0) this.#registration = engine.snapshots.holdLatest()\n',
        replace: '',
      },
      {
        file: RANGE,
        find: '    this.#registration ??= this.#engine.snapshots.hold(this.#seqno)\n    return this.#registration !== undefined\n',
        replace: '    return true\n',
      },
    ],
    histories: ['groups', 'lists', 'registers'],
  },
  'a put is acknowledged before it is committed': {
    patches: [
      {
        file: WRITE_PATH,
        find: '      queueMicrotask(this.#turnEnd)\n',
        replace: '      setTimeout(this.#turnEnd)\n',
      },
      {
        file: WRITE_PATH,
        find: '    return group.promise\n  }\n\n  // ── batches',
        replace: '    return Promise.resolve()\n  }\n\n  // ── batches',
      },
    ],
    histories: ['registers', 'lists'],
  },
  'a synchronous put overtakes those that are staged': {
    patches: [{ file: WRITE_PATH, find: '    if (!this.#staging.empty) this.drainSync()\n', replace: '' }],
    histories: ['lists'],
  },
  'a flush drops what snapshots read': {
    patches: [
      {
        file: 'src/engine/flush.ts',
        find: 'stream.setRules({ ...dropping, older, cutKeys: [], repeats: !tree.isOrdered })',
        replace:
          'stream.setRules({ barrier: dropping.barrier, snapshots: [], older, cutKeys: [], repeats: false })',
      },
    ],
    histories: ['groups', 'lists', 'registers'],
  },
  // This one was there: found by isolation, and by sched.
  'tables are put in place while another thread is writing': {
    patches: [
      {
        file: 'src/engine/flush.ts',
        find: 'keeper.thread.locked(() => prepared.install())',
        replace: 'prepared.install()',
      },
      {
        file: 'src/engine/compaction.ts',
        find: 'keeper.thread.locked(() => prepared.install())',
        replace: 'prepared.install()',
      },
    ],
    // What is written into memory that was freed may show anywhere.
    histories: ['errors', 'groups', 'lists', 'registers', 'values'],
  },
}
