/** "Where does the log end?" as a table of values: docs/journal-format.md, "Reading". */
import { describe, expect, it } from 'vitest'
import { VarveError } from '../../src/errors.ts'
import type { JournalHeader, JournalLink } from '../../src/journal/format.ts'
import { decideLogEnd, type LogEndInput } from '../../src/journal/log-end.ts'
import type { DamageKind, JournalEvidence, JournalScan } from '../../src/journal/scan.ts'
import { bootA, bootB, databaseId, headerOf, unknownBoot } from './support.ts'

const none = new Uint8Array(8)

function chainOf(id: number, length: number): Uint8Array {
  return Uint8Array.of(id, length & 0xff, length >>> 8, 1, 2, 3, 4, 5)
}

function link(id: number, length: number): JournalLink {
  return { id, length, chain: chainOf(id, length) }
}

interface Given {
  /** Valid up to here; 0: without a header. Default 1000. */
  valid?: number
  /** Default: valid. */
  file?: number
  damage?: DamageKind
  /** Highest synced offset in a frame. */
  synced?: number
  frames?: number
  first?: number
  next?: number
  boot?: Uint8Array
  seal?: JournalLink
  /** `undefined` means none; default: the journal before, valid to 1000. */
  before?: JournalLink | undefined
  header?: Partial<JournalHeader>
  missing?: true
}

/** Journals 1, 2, … Each but the first follows the one before it, at length 1000. */
function journals(...list: Given[]): JournalEvidence[] {
  return list.map((given, index): JournalEvidence => {
    const id = index + 1
    const { valid = 1000, damage = 'none', synced = 0, boot = bootA } = given
    const { file = valid, frames = valid > 128 ? 2 : 0 } = given
    const before = 'before' in given ? given.before : id === 1 ? undefined : link(id - 1, 1000)
    const header = headerOf(id, before, { bootId: boot, ...given.header })
    const scan: JournalScan = {
      header: valid === 0 ? undefined : header,
      bootId: boot,
      fileLength: file,
      validLength: valid,
      chainAtValid: valid === 0 ? none : chainOf(id, valid),
      frames,
      firstBaseSeqno: frames === 0 ? undefined : (given.first ?? id * 10),
      nextSeqno: frames === 0 ? undefined : (given.next ?? id * 10 + 10),
      highestSyncedOffset: synced,
      hasSyncedFrame: synced > 0,
      damage: { kind: damage, offset: valid },
    }
    const name = `j${id}`
    return { id, name, seal: given.seal, scan: given.missing === true ? undefined : scan }
  })
}

function decide(list: JournalEvidence[], boot: Uint8Array = bootB, more: Partial<LogEndInput> = {}): unknown {
  const end = decideLogEnd({
    databaseId,
    epoch: 5,
    bootId: boot,
    policy: 'tolerate-tail',
    journals: list,
    ...more,
  })
  if (end instanceof VarveError) return `${end.code} ${end.file} ${end.offset}`
  const lengths = end.journals.map(({ length }) => length).join(' ')
  const tail = end.tail === undefined ? 'nothing' : `${end.tail.id}@${end.tail.length}`
  const { cut } = end
  const dropped =
    cut && `, cut ${cut.droppedFrom.file}@${cut.droppedFrom.offset} -${cut.droppedBytes} ${cut.reason}`
  return `${lengths} → ${tail}, next ${end.nextSeqno}${dropped ?? ''}`
}

const torn: Given = { valid: 500, file: 700, damage: 'incomplete-frame' }
const rotten: Given = { valid: 500, file: 700, damage: 'bad-chain' }
const headless: Given = { valid: 0, file: 0, damage: 'incomplete-header' }
const stub: Given = { ...headless, file: 100 }
const badHeader: Given = { valid: 0, file: 400, damage: 'bad-header' }
const bare: Given = { valid: 128 }

// prettier-ignore
const rows: [string, Given[], Uint8Array, string][] = [
  // [what, journals, boot of the reader, outcome]
  ['no journals', [], bootA, ' → nothing, next undefined'],
  ['one whole journal', [{}], bootB, '1000 → 1@1000, next 20'],
  ['three whole journals', [{}, {}, {}], bootB, '1000 1000 1000 → 3@1000, next 40'],
  ['only a header', [bare], bootB, '128 → 1@128, next undefined'],
  ['a fresh journal behind', [{}, bare], bootA, '1000 128 → 2@128, next 20'],
  ['a file without a header behind', [{}, headless], bootA, '1000 0 → 1@1000, next 20'],
  ['a torn header behind', [{}, stub], bootA, '1000 0 → 1@1000, next 20, cut j2@0 -100 incomplete-header'],
  ['a torn header alone', [stub], bootB, '0 → nothing, next undefined, cut j1@0 -100 incomplete-header'],
  ['a torn header behind a torn tail', [torn, stub], bootB, '500 0 → 1@500, next 20, cut j1@500 -200 incomplete-frame'],
  ['a torn header in front of one that leaves it out', [{}, stub, { before: link(1, 1000), first: 20 }], bootB, '1000 0 1000 → 3@1000, next 40'],
  ['the first one missing', [{ missing: true }, {}], bootA, 'MISSING_FILE j1 undefined'],
  ['one missing in between', [{}, { missing: true }, {}], bootA, 'MISSING_FILE j2 undefined'],

  // the table: same boot, other boot, unknown boot
  ['torn tail, same boot', [torn], bootA, '500 → 1@500, next 20, cut j1@500 -200 incomplete-frame'],
  ['torn tail, other boot', [torn], bootB, '500 → 1@500, next 20, cut j1@500 -200 incomplete-frame'],
  ['torn tail, unknown boot', [torn], unknownBoot, '500 → 1@500, next 20, cut j1@500 -200 incomplete-frame'],
  ['torn tail of a journal of unknown boot', [{ ...torn, boot: unknownBoot }], unknownBoot, '500 → 1@500, next 20, cut j1@500 -200 incomplete-frame'],
  ['rot at the end, same boot', [rotten], bootA, 'CORRUPT j1 500'],
  ['rot at the end, other boot', [rotten], bootB, '500 → 1@500, next 20, cut j1@500 -200 bad-chain'],
  ['rot, unknown boot', [{ ...rotten, boot: unknownBoot }], unknownBoot, '500 → 1@500, next 20, cut j1@500 -200 bad-chain'],
  ['bad header check, same boot', [{ ...rotten, damage: 'bad-header-check' }], bootA, 'CORRUPT j1 500'],
  ['bad header check, other boot', [{ ...rotten, damage: 'bad-header-check' }], bootB, '500 → 1@500, next 20, cut j1@500 -200 bad-header-check'],
  ['torn below what was synced', [{ ...torn, synced: 508 }], bootB, 'CORRUPT j1 500'],
  ['torn just above what was synced', [{ ...torn, synced: 500 }], bootB, '500 → 1@500, next 20, cut j1@500 -200 incomplete-frame'],
  ['shorter than what was synced', [{ valid: 500, synced: 504 }], bootB, 'CORRUPT j1 500'],

  // damage in front of others
  ['torn in front of a journal of the same boot', [torn, {}], bootA, 'CORRUPT j1 500'],
  ['torn in front of a bare header of the same boot', [torn, bare], bootA, 'CORRUPT j1 500'],
  ['torn in front of a bare header of another boot', [torn, { ...bare, boot: bootB }], bootA, 'CORRUPT j1 500'],
  ['torn in front of a headless file', [torn, headless], bootA, '500 0 → 1@500, next 20, cut j1@500 -200 incomplete-frame'],
  ['rot in front of unsynced journals, other boot', [rotten, {}, { file: 1200 }], bootB, '500 0 0 → 1@500, next 20, cut j1@500 -2144 bad-chain'],
  ['rot in front of a synced journal', [rotten, { synced: 200 }], bootB, 'CORRUPT j1 500'],
  ['rot in front of an unsynced and a synced one', [rotten, {}, { synced: 200 }], bootB, 'CORRUPT j1 500'],
  ['rot in front of a sealed journal', [rotten, { seal: link(2, 1000) }], bootB, 'CORRUPT j1 500'],
  ['too short for its unsynced successor', [{ valid: 500, damage: 'ends-early' }, {}], bootB, '500 0 → 1@500, next 20, cut j1@500 -872 ends-early'],
  ['too short for its bare successor', [{ valid: 500, damage: 'ends-early' }, bare], bootB, '500 0 → 1@500, next 20, cut j1@500 -0 ends-early'],
  ['too short for its synced successor', [{ valid: 500, damage: 'ends-early' }, { synced: 200 }], bootB, 'CORRUPT j1 500'],
  ['too short for its successor of this boot', [{ valid: 500, damage: 'ends-early' }, { boot: bootB }], bootB, 'CORRUPT j1 500'],
  ['a later boot wrote behind a cut that was sealed', [{ ...torn, damage: 'none', seal: link(1, 500) }, { before: link(1, 500), boot: bootB, first: 20 }], bootB, '500 1000 → 2@1000, next 30'],

  // headers
  ['bad header, same boot', [badHeader], bootA, 'CORRUPT j1 0'],
  ['bad header, other boot', [badHeader], bootB, '0 → nothing, next undefined, cut j1@0 -400 bad-header'],
  ['bad header with synced frames', [{ ...badHeader, synced: 200 }], bootB, 'CORRUPT j1 0'],
  ['bad header behind others', [{}, badHeader], bootB, '1000 0 → 1@1000, next 20, cut j2@0 -400 bad-header'],
  ['bad header in front of others', [badHeader, {}], bootB, '0 0 → nothing, next undefined, cut j1@0 -1272 bad-header'],
  ['bad header in front of synced ones', [badHeader, { synced: 200 }], bootB, 'CORRUPT j1 0'],
  ['malformed header', [{ ...badHeader, damage: 'malformed-header' }], bootB, 'CORRUPT j1 0'],
  ['headless, sealed', [{ ...headless, file: 100, seal: link(1, 1000) }], bootB, 'CORRUPT j1 100'],
  ['headless in front of an unsynced one that names it', [{}, headless, {}], bootB, '1000 0 0 → 1@1000, next 20, cut j2@0 -872 incomplete-header'],
  ['headless in front of a synced one that names it', [{}, headless, { synced: 200 }], bootB, 'CORRUPT j2 0'],
  ['headless in front of one of this boot that names it', [{}, headless, bare], bootA, 'CORRUPT j2 0'],
  ['headless in front of one that leaves it out', [{}, headless, { before: link(1, 1000), first: 20 }], bootB, '1000 0 1000 → 3@1000, next 40'],
  ['first headless, in front of one that names it', [headless, {}], bootB, '0 0 → nothing, next undefined, cut j1@0 -872 incomplete-header'],

  // seals
  ['sealed as it is', [{ seal: link(1, 1000), file: 1200 }], bootB, '1000 → 1@1000, next 20'],
  ['sealed with another chain', [{ seal: { ...link(1, 1000), chain: none } }], bootB, 'CORRUPT j1 1000'],
  ['sealed longer than it is', [{ seal: link(1, 1008), damage: 'ends-early' }], bootA, 'CORRUPT j1 1000'],
  ['sealed, torn', [{ ...torn, seal: link(1, 600) }], bootA, 'CORRUPT j1 500'],
  ['sealed at 0, whatever it holds', [{}, { seal: { id: 2, length: 0, chain: none }, valid: 0, file: 900, boot: unknownBoot }, { before: link(1, 1000), first: 20 }], bootB, '1000 0 1000 → 3@1000, next 40'],
  ['sealed at 0, but a successor names it', [{}, { seal: { id: 2, length: 0, chain: none }, valid: 0, file: 900 }, {}], bootB, 'CORRUPT j3 64'],

  // links
  ['predecessor deleted', [{ before: link(0.5, 4096) }], bootB, '1000 → 1@1000, next 20'],
  ['another predecessor', [{}, { before: link(0.5, 1000) }], bootB, 'CORRUPT j2 64'],
  ['another predecessor, same length and chain', [{}, { before: { ...link(1, 1000), id: 0.5 } }], bootB, 'CORRUPT j2 64'],
  ['no predecessor', [{}, { before: undefined }], bootB, 'CORRUPT j2 64'],
  ['left at another length', [{}, { before: link(1, 992) }], bootB, 'CORRUPT j2 64'],
  ['left with another chain', [{}, { before: { ...link(1, 1000), chain: none } }], bootB, 'CORRUPT j2 64'],
  ['seqnos with a hole', [{}, { first: 21 }], bootB, 'CORRUPT j2 128'],
  ['seqnos given out twice', [{}, { first: 19 }], bootB, 'CORRUPT j2 128'],
  ['seqnos across a bare journal', [{}, { ...bare }, { before: link(2, 128), first: 20 }], bootB, '1000 128 1000 → 3@1000, next 40'],
  ['seqnos with a hole across a bare journal', [{}, { ...bare }, { before: link(2, 128), first: 30 }], bootB, 'CORRUPT j3 128'],

  // whose it is
  ['another database', [{}, { header: { databaseId: none.slice(0, 16) } }], bootB, 'CORRUPT j2 16'],
  ['a file under a wrong name', [{}, { header: { journalId: 7 } }], bootB, 'CORRUPT j2 32'],
  ['an epoch that is still to come', [{ header: { epoch: 6 } }], bootB, 'CORRUPT j1 40'],
  ['an epoch that goes back', [{ header: { epoch: 4 } }, { header: { epoch: 3 } }], bootB, 'CORRUPT j2 40'],
  ['epochs that go on', [{ header: { epoch: 4 } }, { header: { epoch: 5 } }], bootB, '1000 1000 → 2@1000, next 30'],

  // as written, but not by us
  ['a newer header', [{ ...badHeader, damage: 'unknown-header' }], bootB, 'FORMAT_VERSION j1 0'],
  ['a newer record', [{ ...rotten, damage: 'unknown-kind' }], bootB, 'FORMAT_VERSION j1 500'],
  ['a newer record behind rot', [rotten, { ...rotten, damage: 'unknown-kind' }], bootB, 'FORMAT_VERSION j2 500'],
  ['a frame with a wrong seqno', [{ ...rotten, damage: 'bad-seqno' }], bootB, 'CORRUPT j1 500'],
  ['a frame that makes no sense', [{ ...rotten, damage: 'malformed-frame' }], bootB, 'CORRUPT j1 500'],
  ['a frame across the end', [{ ...rotten, damage: 'crosses-end' }, {}], bootB, 'CORRUPT j1 500'],

  // several accidents
  ['frames of this boot behind the end', [rotten, { boot: bootB, before: link(1, 496) }], bootB, 'CORRUPT j1 500'],
  ['two boots behind a cut that was never sealed', [{ valid: 500, damage: 'ends-early' }, bare, { ...bare, before: link(1, 500), boot: bootB }], bootB, '500 0 0 → 1@500, next 20, cut j1@500 -0 ends-early'],
  ['the same, after frames were written', [{ valid: 500, damage: 'ends-early' }, bare, { before: link(1, 500), boot: bootB }], bootB, 'CORRUPT j1 500'],
]

describe('the end of the log', () => {
  it.each(rows)('%s', (_, given, boot, outcome) => {
    expect(decide(journals(...given), boot)).toBe(outcome)
  })

  it.each([
    ['torn', [torn], 'CORRUPT j1 500'],
    ['ends early', [{ valid: 500, damage: 'ends-early' }, bare], 'CORRUPT j1 500'],
    ['headless at the end', [{}, headless], '1000 0 → 1@1000, next 20'],
    ['a torn header at the end', [{}, stub], 'CORRUPT j2 0'],
    ['whole', [{}, {}], '1000 1000 → 2@1000, next 30'],
    ['bytes above a seal', [{ seal: link(1, 1000), file: 1200 }], '1000 → 1@1000, next 20'],
  ] as [string, Given[], string][])('strict: %s', (_, given, outcome) => {
    expect(decide(journals(...given), bootB, { policy: 'strict' })).toBe(outcome)
  })

  it('says in its messages what was found and what to do', () => {
    const message = (given: Given[], boot = bootB): string => {
      const end = decideLogEnd({
        databaseId,
        epoch: 5,
        bootId: boot,
        policy: 'tolerate-tail',
        journals: journals(...given),
      })
      return end instanceof VarveError ? end.message : 'no error'
    }
    expect(message([{ missing: true }])).toContain('j1 is missing')
    expect(message([{ ...torn, synced: 600 }])).toContain('durable up to 600')
    expect(message([{ ...badHeader, damage: 'unknown-header' }])).toContain('newer version')
  })
})
