import type { Bugs } from './bug.ts'

const JOURNALS = 'src/engine/journals.ts'
const WRITER = 'src/journal/writer.ts'
const WRITE_PATH = 'src/engine/write-path.ts'

/** The old journal is left without a sync of its own. */
const UNSYNCED_OLD_JOURNAL = [
  { file: JOURNALS, find: '    this.sync()\n    this.#next ??=', replace: '    this.#next ??=' },
  { file: JOURNALS, find: ', old)', replace: ')' },
  {
    file: JOURNALS,
    find: '    thread.guarded(() => this.current?.syncEarlier())\n',
    replace: '',
  },
]

/** How commits come to the journal, how it is left for the next one, and what its failures mean. */
export const JOURNAL_BUGS: Bugs = {
  'a journal is left without a sync': {
    field: 4,
    patches: UNSYNCED_OLD_JOURNAL,
    programs: ['crash-points', 'durability-audit'],
  },
  'a journal is left without a sync, and its end is checked by nobody': {
    field: 26,
    patches: [
      ...UNSYNCED_OLD_JOURNAL,
      { file: JOURNALS, find: '    catalog.defer([sealEdit(link)])\n', replace: '' },
      {
        file: 'src/journal/log-end.ts',
        find: "    if (!follows) return corrupt(name, HEADER_PREDECESSOR, 'it does not follow the journal before it')\n",
        replace: '',
      },
      {
        file: 'src/journal/log-end.ts',
        find: '    if (firstBaseSeqno !== undefined && this.#nextSeqno',
        replace: '    if (false && firstBaseSeqno !== undefined && this.#nextSeqno',
      },
      {
        file: 'src/journal/log-end.ts',
        find: '    if (length < proven) return endsBelow(journal, length, proven)\n',
        replace: '',
      },
    ],
    programs: ['crash-points'],
  },
  'tables count before the journal is durable up to their entries': {
    field: 26,
    patches: [
      {
        file: 'src/engine/flush.ts',
        find: '    this.keeper.journals.sync()\n',
        replace: '',
      },
      {
        file: 'src/engine/flush.ts',
        find: '    return this.keeper.journals.syncAsync()\n',
        replace: '    return Promise.resolve()\n',
      },
    ],
    programs: ['durability-audit'],
  },
  'writing goes on after a write to the journal has failed': {
    field: 28,
    patches: [
      {
        file: WRITER,
        find: "return this.#poison('Writing', cause)\n    this.record.setFlag(FLAG_FULL)",
        replace: 'return cause as VarveError\n    this.record.setFlag(FLAG_FULL)',
      },
      {
        file: WRITE_PATH,
        find: "if (!journalled && error instanceof VarveError && error.code === 'DISK_FULL') {",
        replace: 'if (!journalled && error instanceof VarveError) {',
      },
    ],
    programs: ['io-errors'],
  },
  'an error of the device is taken for a full disk': {
    field: 20,
    patches: [
      {
        file: WRITER,
        find: "if (!(cause instanceof VarveError) || cause.code !== 'DISK_FULL') return this.#poison",
        replace: 'if (!(cause instanceof VarveError)) return this.#poison',
      },
    ],
    programs: ['io-errors'],
  },
  'a failed sync of the journal is tried again': {
    field: 39,
    patches: [
      {
        file: WRITER,
        find: "syncFailed: (cause: unknown) => this.#poison('Syncing', cause),",
        replace: 'syncFailed: (cause: unknown) => cause as VarveError,',
      },
    ],
    programs: ['io-errors'],
  },
  'the checksum of a journal header is not compared': {
    field: 20,
    patches: [
      {
        file: 'src/journal/format.ts',
        find: '  return equalBytes(checksum, bytes.subarray(end, headerLength))\n',
        replace: '  return true\n',
      },
    ],
    programs: ['bitflip', 'fuzz-decoders'],
  },
  'what follows the last whole frame is believed': {
    field: 3,
    patches: [
      {
        file: 'src/journal/reader.ts',
        find: "    if (!this.#readFrame(at, bytes, payloadLength))\n      return this.#isTorn(at, bytes) ? 'incomplete-frame' : 'bad-chain'\n",
        replace: '    this.#readFrame(at, bytes, payloadLength)\n',
      },
    ],
    programs: ['crash-points', 'bitflip'],
  },
  'zeros behind the frames are damage': {
    patches: [
      {
        file: 'src/journal/reader.ts',
        find: '    if (!this.#isOpenEnded) return false\n',
        replace: '    if (this.#isOpenEnded) return false\n',
      },
    ],
    programs: ['crash-points'],
  },
  'a write that was cut off in front of zeros is damage': {
    patches: [
      {
        file: 'src/journal/reader.ts',
        find: '    return tear > at && at',
        replace: '    return tear < at && at',
      },
    ],
    programs: ['crash-points'],
  },
  'the seqnos of a group that failed are entered nowhere': {
    patches: [{ file: WRITER, find: '    record.gapCount += count\n', replace: '' }],
    programs: ['crash-points', 'io-errors'],
  },
  'what landed on a full disk is not cut back': {
    patches: [{ file: WRITER, find: '      this.#file.truncate(this.record.length)\n', replace: '' }],
    programs: ['io-errors'],
  },
  'a new journal does not name the one before it': {
    patches: [
      {
        file: 'src/engine/keeper.ts',
        find: '        predecessor,\n        salt: randomBytes(16),',
        replace: '        predecessor: undefined,\n        salt: randomBytes(16),',
      },
    ],
    programs: ['crash-points'],
  },
  'the database is closed without a sync of its journal': {
    patches: [
      {
        file: JOURNALS,
        find: '    current.sync()\n    const edits: VersionEdit[] = [sealEdit(current.seal())]',
        replace: '    const edits: VersionEdit[] = [sealEdit(current.seal())]',
      },
    ],
    programs: ['crash-points', 'durability-audit'],
  },
  'a sync is shared with one that began before': {
    patches: [
      {
        file: 'src/journal/sync-stage.ts',
        find: '    if (length <= this.#runningLength) return this.#running\n',
        replace: '    return this.#running\n',
      },
    ],
    programs: ['crash-points'],
    explained:
      'no program loses power while a write waits for a sync that began before it; test/journal/sync.test.ts does',
  },
  'a length is written with fewer bits than values have': {
    field: 17,
    patches: [
      {
        file: 'src/engine/record.ts',
        find: '    view.setUint32(at + ENTRY_VALUE_LENGTH, valueLength, true)\n',
        replace: '    view.setUint32(at + ENTRY_VALUE_LENGTH, valueLength & 0x7fff, true)\n',
      },
    ],
    programs: ['crash-points', 'isolation'],
  },
  'a journal that is cut short ends the log wherever it stands': {
    field: 25,
    patches: [
      {
        file: 'src/journal/log-end.ts',
        find: "      const isTorn = kind === 'incomplete-frame' && this.#isLast(index)\n",
        replace: '      const isTorn = true\n',
      },
      {
        file: 'src/journal/log-end.ts',
        find: '    if (proven > 0 || (scan.frames > 0 && isSameBoot(this.#input.bootId, scan))) {\n',
        replace: '    if (proven < 0) {\n',
      },
      {
        file: 'src/journal/log-end.ts',
        find: '    if (length < proven) return endsBelow(journal, length, proven)\n',
        replace: '',
      },
      {
        file: 'src/journal/log-end.ts',
        find: "      return corrupt(name, length, 'it does not end as the manifest says')\n",
        replace: '      return this.#end(journal, 0)\n',
      },
    ],
    programs: ['file-faults', 'bitflip'],
  },
}
