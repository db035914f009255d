// What needs no other runtime: the types as users compile them, what the package contains, and what installing it does.
import { createHash } from 'node:crypto'
import { cpSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import asc from 'assemblyscript/asc'
import { build } from 'esbuild'
import { requireSuccess, run } from './process.mjs'
import { createProject, installPackages } from './project.mjs'

const sources = fileURLToPath(new URL('types/', import.meta.url))

/** Scripts that npm runs when the package is installed. */
const INSTALL_SCRIPTS = ['preinstall', 'install', 'postinstall', 'prepare']

/** All files of the package. Chunks and their types have names that follow from what is in them. */
const FILES = [
  'CHANGELOG.md',
  'LICENSE',
  'README.md',
  'dist/*.d.ts',
  'dist/THIRD_PARTY_LICENSES.txt',
  'dist/browser-worker.js',
  'dist/browser.d.ts',
  'dist/browser.js',
  'dist/browser.js.map',
  'dist/chunk-*.js',
  'dist/chunk-*.js.map',
  'dist/cli.js',
  'dist/cli.js.map',
  'dist/index.d.ts',
  'dist/index.js',
  'dist/index.js.map',
  'dist/level-browser.js',
  'dist/level-browser.js.map',
  'dist/level.d.ts',
  'dist/level.js',
  'dist/level.js.map',
  'dist/varve.wasm',
  'package.json',
]

/** What a user may have set, and must still compile. */
const strictest = {
  target: 'ES2022',
  strict: true,
  skipLibCheck: false,
  noUncheckedIndexedAccess: true,
  exactOptionalPropertyTypes: true,
  verbatimModuleSyntax: true,
  noEmit: true,
}

const RESOLUTIONS = [
  {
    name: 'nodenext',
    suffixes: ['.ts', '.cts'],
    options: { module: 'nodenext', moduleResolution: 'nodenext' },
  },
  {
    name: 'bundler',
    suffixes: ['.ts'],
    options: { module: 'esnext', moduleResolution: 'bundler' },
  },
]

/**
 * @param projects the projects that the tarball is installed in
 * @param directory of one more, which is created here
 */
export async function checkPackaging(report, tarball, projects, directory) {
  await report.check('installing runs no scripts, warns of nothing and brings nothing else', () =>
    checkInstallation(tarball, directory),
  )
  await report.check('the package has these files and no others', () => checkFiles(directory))
  await report.check('the kernel is what its sources make', () => checkKernel(directory))
  for (const resolution of RESOLUTIONS) {
    await report.check(`types of varve, moduleResolution ${resolution.name}`, () =>
      checkTypes(directory, 'consumer', resolution),
    )
    await report.check(`types of varve/level, moduleResolution ${resolution.name}`, () =>
      checkTypes(projects.level, 'level-consumer', resolution),
    )
  }
  await report.check('one file that a bundler made of it, with a background thread', () =>
    checkBundle(directory),
  )
  await report.check('publint --strict', () => runTool('publint', 'publint', 'run', tarball, '--strict'))
  // The raw kernel is a file to be fetched, not a module with types.
  await report.check('attw --profile esm-only', () =>
    runTool(
      '@arethetypeswrong/cli',
      'attw',
      tarball,
      '--profile',
      'esm-only',
      '--exclude-entrypoints',
      './varve.wasm',
      './browser-worker.js',
    ),
  )
}

async function checkInstallation(tarball, directory) {
  createProject(directory)
  const said = await installPackages(directory, [tarball], ['--foreground-scripts', '--loglevel', 'notice'])
  const complaint = said.split('\n').find((line) => /\bwarn|\bscript|^> /i.test(line))
  if (complaint !== undefined) throw new Error(`npm said: ${complaint}`)
  const installed = readdirSync(join(directory, 'node_modules')).filter((name) => !name.startsWith('.'))
  if (installed.join() !== 'varve') throw new Error(`installed were ${installed.join(', ')}`)
  const home = join(directory, 'node_modules', 'varve')
  const { scripts, dependencies } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8'))
  const found = INSTALL_SCRIPTS.filter((name) => scripts?.[name] !== undefined)
  if (found.length > 0) throw new Error(`the package has the install scripts ${found.join(', ')}`)
  if (dependencies !== undefined) throw new Error('the package has dependencies')
  // npm takes this file for an install script of its own.
  if (readdirSync(home).includes('binding.gyp')) throw new Error('the package contains binding.gyp')
}

async function checkFiles(directory) {
  const home = join(directory, 'node_modules', 'varve')
  const found = readdirSync(home, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(relative(home, entry.parentPath), entry.name))
    .map((name) => name.replace(/^(dist\/chunk)-[A-Z0-9]{8}\.js/, '$1-*.js'))
    .map((name) => name.replace(/^dist\/[a-z]+-[A-Za-z0-9_-]{8}\.d\.ts$/, 'dist/*.d.ts'))
  const odd = [...new Set(found)].filter((name) => !FILES.includes(name))
  const missing = FILES.filter((name) => !found.includes(name))
  if (odd.length + missing.length > 0)
    throw new Error(`not expected: ${odd.join(', ') || 'none'}; missing: ${missing.join(', ') || 'none'}`)
}

/** Compiles the kernel anew, in a place of its own, and compares it with the one in the package. */
async function checkKernel(directory) {
  const again = join(directory, 'again.wasm')
  const { error } = await asc.main(['assembly/index.ts', '--target', 'release', '--outFile', again])
  if (error) throw error
  const [shipped, made] = [join(directory, 'node_modules/varve/dist/varve.wasm'), again].map((file) =>
    createHash('sha256').update(readFileSync(file)).digest('hex'),
  )
  if (shipped !== made) throw new Error(`in the package is ${shipped}, made of the sources ${made}`)
}

/** @param home the project that has the packages which the program imports */
async function checkTypes(home, program, { name, suffixes, options }) {
  const project = join(home, `${program}-${name}`)
  mkdirSync(project)
  const files = suffixes.map((suffix) => `${program}${suffix}`)
  for (const file of files) cpSync(join(sources, file), join(project, file))
  const compilerOptions = {
    ...strictest,
    ...options,
    types: ['node'],
    typeRoots: [resolve('node_modules/@types')],
  }
  writeFileSync(join(project, 'package.json'), '{ "private": true, "type": "module" }\n')
  writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }))
  const { stdout, code } = await run(process.execPath, [tool('typescript', 'tsc'), '-p', project])
  if (code !== 0) throw new Error(stdout.trim().split('\n', 1)[0] || `tsc ended with ${code}`)
}

/** NOTE: a bundler sees no file of the thread's: its script is text in the package. */
async function checkBundle(home) {
  const [entry, bundle] = [join(home, 'bundled.ts'), join(home, 'bundled.mjs')]
  writeFileSync(
    entry,
    `import { open } from 'varve'
     const db = await open('bundled-data', { keyEncoding: 'utf8', valueEncoding: 'utf8' })
     await db.put('k', 'v')
     await db.compact()
     const { transfer } = await db.share()
     console.log(db.getSync('k'), transfer.length)
     await db.close()`,
  )
  await build({
    entryPoints: [entry],
    outfile: bundle,
    bundle: true,
    minify: true,
    platform: 'node',
    format: 'esm',
    logLevel: 'warning',
  })
  const { stdout, code } = await run(process.execPath, [bundle], { cwd: home })
  if (code !== 0 || stdout !== 'v 2\n')
    throw new Error(`the bundled program said ${stdout} and ended with ${code}`)
}

async function runTool(packageName, command, ...args) {
  requireSuccess(await run(process.execPath, [tool(packageName, command), ...args]))
}

/** The script behind a command of a development dependency. */
function tool(packageName, command) {
  const home = resolve('node_modules', packageName)
  const { bin } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8'))
  return join(home, typeof bin === 'string' ? bin : bin[command])
}
