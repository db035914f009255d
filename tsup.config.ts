import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Options } from 'tsup'

type EsbuildPlugin = NonNullable<Options['esbuildPlugins']>[number]

const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }

let isCleaned = false
/** Directories of packages found in the bundles. */
const bundledPackages = new Set<string>()

const shared: Options = {
  format: 'esm',
  target: 'node20',
  outDir: 'dist',
  sourcemap: true,
  removeNodeProtocol: false,
  clean: false,
  silent: true,
}

const configurations: Options[] = [
  {
    ...shared,
    name: 'library',
    entry: { index: 'src/index.ts', level: 'src/level/index.ts' },
    platform: 'neutral',
    external: [/^node:/, 'abstract-level'],
    splitting: true,
    dts: {
      entry: { index: 'src/index.ts', browser: 'src/browser.ts', level: 'src/level/index.ts' },
      compilerOptions: { ignoreDeprecations: '6.0', stripInternal: true },
    },
    esbuildPlugins: [cleanOnce(), thirdPartyLicenses()],
  },
  // Files of their own: a page that is not bundled loads no more than it needs.
  {
    ...shared,
    name: 'in browsers',
    entry: { browser: 'src/browser.ts', 'level-browser': 'src/level/index.ts' },
    platform: 'browser',
    external: ['abstract-level'],
    splitting: false,
    esbuildPlugins: [cleanOnce(), engineOfBrowsers(), thirdPartyLicenses()],
  },
  {
    ...shared,
    name: 'command',
    entry: { cli: 'src/cli/main.ts' },
    platform: 'node',
    splitting: false,
    define: { __VARVE_VERSION__: JSON.stringify(version) },
    // The bundled libraries are CommonJS and require Node's own modules.
    banner: {
      js: "import { createRequire as createRequireOfNode } from 'node:module'; const require = createRequireOfNode(import.meta.url);",
    },
    esbuildPlugins: [cleanOnce(), publicApiOnly(), thirdPartyLicenses()],
  },
]

export default configurations

/**
 * Removes what the last build left before either of the two, which run at the same time, writes anything.
 * NOTE: not when this file is loaded, because other tools load it too.
 */
function cleanOnce(): EsbuildPlugin {
  return {
    name: 'clean-once',
    setup() {
      if (!isCleaned) rmSync('dist', { recursive: true, force: true })
      isCleaned = true
    },
  }
}

/** In browsers the adapter has another engine, and imports it as any user does. */
function engineOfBrowsers(): EsbuildPlugin {
  return {
    name: 'engine-of-browsers',
    setup(build) {
      build.onResolve({ filter: /^\.\/engine\.ts$/ }, ({ resolveDir }) => ({
        path: join(resolveDir, 'engine-browser.ts'),
      }))
      build.onResolve({ filter: /^\.\.\/browser\.ts$/ }, () => ({ path: './browser.js', external: true }))
    },
  }
}

/** The command imports the library as any user does: from ./index.js, at run time. */
function publicApiOnly(): EsbuildPlugin {
  return {
    name: 'public-api-only',
    setup(build) {
      build.onResolve({ filter: /^\.\.?\/.*\bindex\.ts$/ }, () => ({ path: './index.js', external: true }))
    },
  }
}

/** Emits the licences of the packages whose code ended up in the bundles. */
function thirdPartyLicenses(): EsbuildPlugin {
  return {
    name: 'third-party-licenses',
    setup(build) {
      build.initialOptions.metafile = true
      build.onEnd(({ metafile }) => {
        for (const input of Object.keys(metafile?.inputs ?? {})) {
          const directory = /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input)?.[0]
          if (directory !== undefined) bundledPackages.add(directory)
        }
        mkdirSync('dist', { recursive: true })
        const texts = [...bundledPackages].sort().map(licenseOf)
        writeFileSync('dist/THIRD_PARTY_LICENSES.txt', texts.join(`\n${'-'.repeat(80)}\n\n`))
      })
    },
  }
}

function licenseOf(directory: string): string {
  const manifest = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as {
    name: string
    version: string
    license: string
  }
  // The loader's package carries no text; it is a part of the AssemblyScript repository, whose package does.
  const owner = manifest.name === '@assemblyscript/loader' ? 'node_modules/assemblyscript' : directory
  const file = readdirSync(owner).find((name) => /^licen[cs]e/i.test(name))
  if (file === undefined) throw new Error(`${manifest.name} has no licence text to pass on`)
  const notice = join(owner, 'NOTICE')
  const texts = [join(owner, file), ...(existsSync(notice) ? [notice] : [])].map((path) =>
    readFileSync(path, 'utf8').trim(),
  )
  return `${manifest.name} ${manifest.version} (${manifest.license})\n\n${texts.join('\n\n')}\n`
}
