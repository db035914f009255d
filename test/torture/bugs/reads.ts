import { BUGS } from '../threads/bugs.ts'
import type { Bugs, SeededBug } from './bug.ts'

/** One that `isolation` has as a control. */
function known(name: keyof typeof BUGS): SeededBug {
  return { patches: BUGS[name]?.patches ?? [], programs: ['isolation'] }
}

/** What reads find, at which moment. */
export const READ_BUGS: Bugs = {
  'checksums of blocks are not compared': {
    field: 21,
    patches: [
      {
        file: 'assembly/table/block-check.ts',
        find: '  if (checksum != loadU64(payload + length)) return STATUS_CHECKSUM\n',
        replace: '  if (checksum == 0) return STATUS_CHECKSUM\n',
      },
    ],
    programs: ['bitflip', 'fuzz-decoders'],
  },
  'a range ends where it comes to an error': {
    field: 31,
    patches: [
      {
        file: 'src/engine/range-cursor.ts',
        find: '      throw thread.readFailure(error)\n',
        replace:
          '      if (error instanceof BlockMissing) throw error\n      this.#ended = true\n      return\n',
      },
    ],
    programs: ['bitflip', 'file-faults'],
  },
  'a snapshot sees the first entry behind it': {
    field: 13,
    patches: [
      {
        file: 'src/engine/snapshots.ts',
        find: '    return this.registration.seqno\n',
        replace: '    return this.registration.seqno + 1\n',
      },
    ],
    programs: ['crash-points', 'metamorphic'],
  },
  'lt is taken for lte': {
    patches: [
      {
        file: 'src/api/range.ts',
        find: "tighter(bound('lt', false),",
        replace: "tighter(bound('lt', true),",
      },
    ],
    programs: ['metamorphic', 'model', 'crash-points'],
  },
  'gt is taken for gte': {
    patches: [
      {
        file: 'src/api/range.ts',
        find: "bound('gt', true), false)",
        replace: "bound('gt', false), false)",
      },
    ],
    programs: ['metamorphic', 'model'],
  },
  'ranges that descend leave out the last entry of an interval': {
    patches: [
      {
        file: 'assembly/read/block-trail.ts',
        find: '    walk(cursor, trail, interval - 1, loadU32(cursor + CURSOR_ENTRY))\n    return true\n',
        replace:
          '    walk(cursor, trail, interval - 1, loadU32(cursor + CURSOR_ENTRY))\n    return trailPrevious(cursor, trail)\n',
      },
    ],
    programs: ['metamorphic', 'model', 'crash-points'],
  },
  'a look-up takes tombstones in memory for nothing': {
    field: 14,
    patches: [
      {
        file: 'assembly/read/point.ts',
        find: '    if (type == TYPE_TOMBSTONE || type == TYPE_WEAK_TOMBSTONE) return STATUS_TOMBSTONE\n',
        replace: '    if (type == TYPE_TOMBSTONE || type == TYPE_WEAK_TOMBSTONE) continue\n',
      },
    ],
    programs: ['metamorphic', 'isolation'],
  },
  'a batch is published before it is inserted': known('a batch is published before it is inserted'),
  'getMany reads each key at a moment of its own': known('getMany reads each key at a moment of its own'),
  'a range does not register its S': known('a range does not register its S'),
  'a synchronous put overtakes those that are staged': known(
    'a synchronous put overtakes those that are staged',
  ),
  'the journal lock keeps nobody out': {
    patches: [
      {
        file: 'src/engine/thread.ts',
        find: '    this.#lock.acquire()\n',
        replace: '',
      },
      {
        file: 'src/engine/thread.ts',
        find: ' && --this.#lockDepth === 0) this.#lock.release()\n',
        replace: ') this.#lockDepth--\n',
      },
    ],
    programs: ['isolation'],
  },
}
