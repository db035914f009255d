/** Runs one workload on a pretended host, and reports the hash of every file that it leaves. Part of the torture program determinism. */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseFileName } from '../../src/fs/file-names.ts'
import type { FileSystem } from '../../src/fs/filesystem.ts'
import { nodeFileSystem } from '../../src/fs/node.ts'
import { NodeFile } from '../../src/fs/node-file.ts'
import { FaultyFileSystem } from '../support/faulty.ts'
import { onPretendedHost } from '../support/pretended-host.ts'
import { mulberry32 } from '../support/random.ts'
import { Run } from './runner.ts'
import { makeWorkload, settings } from './workload.ts'

export interface Request {
  readonly seed: number
  readonly steps: number
  /** Which of the settings. */
  readonly setting: number
  readonly files: 'simulated' | 'of Node.js'
  readonly listsBackwards: boolean
}

/** Hashes by the names of files. */
export type Report = Readonly<Record<string, string>>

const request = JSON.parse(process.argv[2] ?? '{}') as Request & { readonly directory: string }
const simulated = new FaultyFileSystem()
const files: FileSystem = request.files === 'simulated' ? simulated : nodeFileSystem(request.directory)
// What this machine alone has.
Object.defineProperty(files, 'bootId', { value: simulated.bootId })
// How long the host takes for these two decides what else is done meanwhile, in which order: here nothing is.
NodeFile.prototype.syncAsync = async function () {
  await undefined
  this.sync()
}
NodeFile.prototype.readAsync = async function (target, position) {
  await undefined
  return this.read(target, position)
}
if (request.listsBackwards) {
  const list = files.list.bind(files)
  files.list = async () => (await list()).sort().reverse()
}
await onPretendedHost(request.seed, async () => {
  const setting = settings[request.setting % settings.length]
  if (setting === undefined) throw new RangeError('no such setting')
  const run = new Run(files, setting)
  await run.open()
  for (const step of makeWorkload(mulberry32(request.seed), setting, request.steps).steps) await run.run(step)
  await run.close()
})
const report: Record<string, string> = {}
for (const [name, bytes] of contents()) report[name] = createHash('sha256').update(bytes).digest('hex')
console.log(JSON.stringify(report satisfies Report))

function contents(): [string, Uint8Array][] {
  if (request.files === 'simulated') return [...simulated.snapshotFiles()]
  const names = readdirSync(request.directory).filter(holdsData)
  return names.map((name) => [name, readFileSync(join(request.directory, name))])
}

/** NOTE: the files of the lock name the process that holds it, and where: they are no part of the data. */
function holdsData(name: string): boolean {
  const kind = parseFileName(name)?.kind
  return kind !== undefined && kind !== 'lock' && kind !== 'owner'
}
