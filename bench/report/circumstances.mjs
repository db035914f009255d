import { code, commands, heading, paragraph, table } from './document.mjs'
import { commandOf } from './words.mjs'

/** One sentence on what the figures at the top were made with. */
export function summaryOf(records) {
  const [record] = records
  if (record === undefined) return []
  const { machine, varve } = record
  return [
    paragraph(
      `varve ${varveOf(varve)} on ${machine.cores} cores of ${machine.cpu}, Node.js ${machine.node}, ${record.date.slice(0, 10)}; `,
      'machines, versions and commands of every part are at the end.',
    ),
  ]
}

/** The machines, the versions, and the commands that repeat it all. */
export function circumstanceBlocks(records) {
  if (records.length === 0) return []
  const peers = Object.assign({}, ...records.map((record) => record.peers))
  return [
    heading(2, 'Machine and versions'),
    table(
      ['suite', 'date', 'varve', 'CPU', 'cores', 'memory', 'Node.js', 'kernel', 'file system', 'load before'],
      records.map(({ suite, date, machine, varve, result }) => [
        result.kind === undefined ? suite : `${suite}, ${result.kind}`,
        date.slice(0, 10),
        varveOf(varve),
        machine.cpu ?? '–',
        String(machine.cores),
        machine.memoryBytes === undefined ? '–' : `${(machine.memoryBytes / 1e9).toFixed(0)} GB`,
        machine.node,
        machine.kernel,
        machine.fileSystem ?? 'not recorded',
        machine.loadBefore.join(' '),
      ]),
      [4, 5],
    ),
    ...additionBlocks(records),
    paragraph(
      'Peers: ',
      Object.entries(peers)
        .map(([name, version]) => `${name} ${version}`)
        .join(', '),
      '.',
    ),
    heading(2, 'How to repeat it'),
    commands([
      'npm install && npm install --prefix bench # the peers, and what draws the report',
      ...records.flatMap((record) =>
        [record, ...(record.additions ?? [])].map((part) => commandOf({ ...record, ...part })),
      ),
      'npm run bench -- report # this page, from the last result of each',
    ]),
    paragraph(
      code('VARVE_BENCH_DIR'),
      ' chooses the disk, ',
      code('VARVE_BENCH_LINES'),
      ' and ',
      code('VARVE_BENCH_ENGINES'),
      ' lines and engines, separated by semicolons, ',
      code('VARVE_BENCH_ENTRIES'),
      ' the number of entries of the macro suite (1,000,000), ',
      code('VARVE_BENCH_PATIENCE'),
      ' the seconds that a run waits for a calm moment (15).',
    ),
  ]
}

/** Parts that were measured later, with another revision maybe. */
function additionBlocks(records) {
  const all = records.flatMap(({ suite, result, additions = [] }) =>
    additions.map(
      ({ date, varve, settings }) =>
        `${result.kind === undefined ? suite : `${suite}, ${result.kind}`}: ${settings.VARVE_BENCH_LINES ?? 'all lines'} of ${settings.VARVE_BENCH_ENGINES ?? 'all engines'}, ${date.slice(0, 10)}, ${varveOf(varve)}`,
    ),
  )
  return all.length === 0 ? [] : [paragraph('Measured in parts of their own: ', all.join('. '), '.')]
}

/** '0.1.0 (a revision)', or what of it was recorded. */
function varveOf(varve) {
  if (varve === undefined) return '(version not recorded)'
  return `${varve.version}${varve.revision === undefined ? '' : ` (${varve.revision})`}`
}
