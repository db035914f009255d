import type { Bugs } from './bug.ts'

const WRITE_PATH = 'src/engine/write-path.ts'
const DATABASE = 'src/api/database.ts'

/** What an acknowledgement promises, and who may hold the database. */
export const DURABILITY_BUGS: Bugs = {
  'a synchronous write with durability sync is acknowledged without a sync': {
    field: 22,
    patches: [
      {
        file: WRITE_PATH,
        find: "    if (this.#level(durability) === 'sync') this.#engine.thread.syncJournal()\n    else this",
        replace: '    this',
      },
    ],
    programs: ['crash-points', 'durability-audit'],
  },
  'an awaited write with durability sync is acknowledged before its sync': {
    field: 22,
    patches: [
      {
        file: WRITE_PATH,
        find: '      engine.thread.syncJournalAsync().then(group.resolve, group.reject)\n',
        replace: '      engine.thread.syncJournalAsync().catch(() => undefined)\n      group.resolve()\n',
      },
    ],
    programs: ['crash-points', 'durability-audit'],
  },
  'the durability of a single write is ignored': {
    field: 38,
    patches: [
      {
        file: 'src/api/options.ts',
        find: '  return durability\n}',
        replace: '  return undefined\n}',
      },
    ],
    programs: ['crash-points'],
  },
  'writes with durability os stay in the buffer': {
    field: 22,
    patches: [
      {
        file: WRITE_PATH,
        find: "    return this.#level(durability) === 'buffered'\n",
        replace: "    return this.#level(durability) !== 'sync'\n",
      },
    ],
    programs: ['crash-points', 'kill9'],
  },
  "persistSync('sync') only writes out": {
    patches: [
      {
        file: DATABASE,
        find: "    else if (mode === 'sync') engine.thread.syncJournal()\n",
        replace: '',
      },
    ],
    programs: ['durability-audit', 'bounded-exhaustive', 'crash-points'],
  },
  'values that were read are views of memory that goes on being used': {
    field: 23,
    patches: [
      {
        file: 'src/api/encoding.ts',
        find: '  copyOut(pointer: number, length: number): Uint8Array {\n    return this.#pool.bytes(pointer, length)\n',
        replace:
          '  copyOut(pointer: number, length: number): Uint8Array {\n    const u8 = (this.#pool as any).memory\n    return u8.subarray(pointer, pointer + length)\n',
      },
      {
        file: 'src/api/result-pool.ts',
        find: '    this.#kernel = kernel\n',
        replace: '    this.#kernel = kernel\n    ;(this as any).memory = kernel.u8\n',
      },
    ],
    programs: ['crash-points'],
  },
  "the caller's value is read again when his write is committed": {
    field: 23,
    patches: [
      {
        file: WRITE_PATH,
        find: '    staging.bytes += group.record.end - before\n',
        replace:
          "    staging.bytes += group.record.end - before\n    if (typeof value !== 'string') {\n      const { record } = group\n      const at = record.end - value.byteLength\n      queueMicrotask(() => record.bytes.set(value, at))\n    }\n",
      },
    ],
    programs: ['limits'],
  },
  'a directory may be opened twice in one process': {
    field: 24,
    patches: [
      {
        file: 'src/fs/owner-lock.ts',
        find: '  if (keys.some((key) => open.has(key))) throw openHere(root)\n',
        replace: '',
      },
      {
        file: 'src/fs/owner-lock.ts',
        find: '      if (alive !== undefined) throw heldByAnother(root, alive, self)\n',
        replace:
          '      if (alive !== undefined && readOwner(root)?.pid !== self.pid) throw heldByAnother(root, alive, self)\n',
      },
      {
        file: 'src/fs/owner-lock.ts',
        find: '  if ((await firstAlive(root, others)) !== undefined) return false\n',
        replace:
          '  if ((await firstAlive(root, others)) !== undefined && readOwner(root)?.pid !== String(process.pid)) return false\n',
      },
    ],
    programs: ['lock'],
  },
  'a short count of a write to a file is taken for all': {
    field: 34,
    patches: [
      {
        file: 'src/fs/node-file.ts',
        find: '        done += writeSync(this.#descriptor, source, start + done, length - done, position + done)\n',
        replace:
          '        writeSync(this.#descriptor, source, start + done, length - done, position + done)\n        done = length\n',
      },
    ],
    programs: ['limits', 'io-errors'],
  },
  'a database without a journal is closed without a flush': {
    patches: [
      {
        file: 'src/engine/keeper.ts',
        find: "    return options.durability === 'none' || journals.sizeBytes",
        replace: '    return journals.sizeBytes',
      },
    ],
    programs: ['crash-points'],
  },
}
