/** Engines with a seeded bug, for positive controls of the programs about damaged files: a program that does not notice them proves nothing. */
import { spawnSync } from 'node:child_process'
import { pathToFileURL } from 'node:url'
import { bundleWithEngine } from '../threads/engine-bundle.ts'
import type { Patch } from '../threads/patches.ts'

export interface Bug {
  readonly program: 'bitflip' | 'file-faults' | 'compat'
  readonly patches: readonly Patch[]
  /** The case that shows it; without one everything is tried. */
  readonly case?: string
  /** What the violation says. */
  readonly says: RegExp
}

const block = '0000000000000003.sst@672'

export const BUGS: Readonly<Record<string, Bug>> = {
  'a compaction leaves out a block that does not look like data': {
    program: 'bitflip',
    patches: [{ file: 'src/table/entry-stream.ts', find: '      this.#requireAll()\n', replace: '' }],
    case: `closed/${block}=00`,
    says: /scan of '' is wrong, and nothing was said/,
  },
  'a read error ends a range': {
    program: 'bitflip',
    patches: [
      {
        file: 'src/api/range.ts',
        find: 'if (!(error instanceof BlockMissing)) this.close()\n      throw error',
        replace: 'if (error instanceof BlockMissing) throw error',
      },
    ],
    case: `closed/${block}=ff`,
    says: /scan of '' is wrong, and nothing was said/,
  },
  'a damaged copy of the superblock is passed over': {
    program: 'bitflip',
    patches: [
      {
        file: 'src/version/superblock.ts',
        find: "found(a.superblock, 'a', reasonOf(b))",
        replace: "found(a.superblock, 'a', undefined)",
      },
    ],
    case: 'killed/superblock-b@20=ff',
    says: /nobody noticed/,
  },
  'verify() finds nothing': {
    program: 'bitflip',
    patches: [{ file: 'src/verify/report.ts', find: '  addProblem(report, error)\n', replace: '' }],
    case: `closed/${block}=ff`,
    says: /verify\(\) does not find it/,
  },
  'an open that fails deletes a file': {
    program: 'bitflip',
    patches: [
      {
        file: 'src/engine/open.ts',
        find: 'kernel?.release()\n',
        replace: "kernel?.release()\n    await fileSystem.remove('0000000000000003.sst')\n",
      },
    ],
    case: 'closed/0000000000000010.man@200=ff',
    says: /changed files \(remove/,
  },
  'an open that fails leaves a file open': {
    program: 'bitflip',
    patches: [
      {
        file: 'src/engine/read-database.ts',
        find: 'for (const file of opened) file.close()\n    throw error',
        replace: 'throw error',
      },
    ],
    case: 'closed/0000000000000010.man@200=ff',
    says: /1 files are left open/,
  },
  'damage makes it ask for much memory': {
    program: 'bitflip',
    patches: [
      {
        file: 'src/engine/open.ts',
        find: 'kernel?.release()\n',
        replace: 'kernel?.release()\n    new Uint8Array(2 ** 27)\n',
      },
    ],
    case: 'closed/0000000000000010.man@200=ff',
    says: /it asked for \d+ B of memory/,
  },
  'damage makes it work for seconds': {
    program: 'bitflip',
    patches: [
      {
        file: 'src/engine/open.ts',
        find: 'kernel?.release()\n',
        replace:
          'kernel?.release()\n    for (const from = process.cpuUsage().user; process.cpuUsage().user < from + 1.1e6;);\n',
      },
    ],
    case: 'closed/0000000000000010.man@200=ff',
    says: /it took \d+\S* ms of the processor/,
  },
  'a database that lost its superblock is created anew': {
    program: 'file-faults',
    patches: [
      { file: 'src/engine/open.ts', find: '> limit) return undefined', replace: '> 1e6) return undefined' },
      { file: 'src/engine/open.ts', find: 'LEFTOVERS_MAX = 4', replace: 'LEFTOVERS_MAX = 40' },
    ],
    case: 'killed, boot 1: superblock-a, superblock-b missing',
    says: /the names of the keyspaces is wrong/,
  },
  'any end of the log will do': {
    program: 'file-faults',
    patches: [
      {
        file: 'src/journal/log-end.ts',
        find: "const isTorn = kind === 'incomplete-frame' && this.#isLast(index)",
        replace: 'const isTorn = this.#isLast(index)',
      },
    ],
    case: 'killed, boot 1: 0000000000000011.wal has 64 B of garbage behind it',
    says: /is wrong, and nothing was said|it opens, and must be CORRUPT/,
  },
  'a cut is not told of': {
    program: 'file-faults',
    patches: [
      {
        file: 'src/engine/read-database.ts',
        find: '  if (log !== undefined) {',
        replace: '  if (log === null) {',
      },
    ],
    case: 'killed, boot 1: 0000000000000011.wal is cut to 620 B',
    says: /db.recovery tells of nothing/,
  },
  'names are recognised in capitals, too': {
    program: 'file-faults',
    patches: [
      { file: 'src/fs/file-names.ts', find: '(sst|wal|man|blob)$/', replace: '(sst|wal|man|blob)$/i' },
      {
        file: 'src/fs/file-names.ts',
        find: 'kinds.get(extension)',
        replace: 'kinds.get(extension.toLowerCase())',
      },
    ],
    case: 'killed among strangers',
    says: /somebody else's file was changed/,
  },
  'a required flag of the superblock is passed over': {
    program: 'compat',
    patches: [
      {
        file: 'src/version/superblock.ts',
        find: "if (view.getUint32(12, true) !== 0) throw unknownFormat(file, 12, 'a required flag')",
        replace: '',
      },
    ],
    says: /required flag 0: it is not refused/,
  },
  'replay is the first to look into batches': {
    program: 'compat',
    patches: [
      { file: 'src/engine/read-database.ts', find: '        batches: new BatchWalk(kernel),\n', replace: '' },
    ],
    says: /an entry of type 0x4: open\(\) failed, and changed files/,
  },
}

const exported = { bitflip: 'bitflip', 'file-faults': 'fileFaults', compat: 'compat' } as const

/** Runs the program on an engine with that bug, in a process of its own. @returns what it said when it ended, or undefined if it found nothing */
export async function runWithBug(name: string): Promise<string | undefined> {
  const bug = BUGS[name]
  if (bug === undefined) throw new Error(`no bug is called ${name}`)
  const { program, patches } = bug
  const place = `build/torture/damage/${name.replaceAll(/\W+/g, '-')}.mjs`
  const bundle = await bundleWithEngine(`test/torture/${program}.ts`, place, patches)
  const budget = JSON.stringify({ seed: 1, seconds: 0, passes: 1, case: bug.case })
  const script = `import { ${exported[program]} as run } from ${JSON.stringify(pathToFileURL(bundle).href)}; await run(${budget})`
  const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
    timeout: 100_000,
  })
  return status === 0 ? undefined : stderr
}
