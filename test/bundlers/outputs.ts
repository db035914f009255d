/** The same page as each bundler makes it, and as it is. Needs the built package in dist/. */
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build as esbuild } from 'esbuild'
import { build as vite } from 'vite'
import webpack from 'webpack'

const root = fileURLToPath(new URL('../../', import.meta.url))
const here = dirname(fileURLToPath(import.meta.url))

/** Each leaves a site in `site`, made of the project in `project`, where varve is installed. */
export const OUTPUTS: Readonly<Record<string, (project: string, site: string) => Promise<void>>> = {
  async unbundled(project, site) {
    cpSync(project, site, { recursive: true })
    const imports = { varve: '/node_modules/varve/dist/browser.js' }
    const map = `<script type="importmap">${JSON.stringify({ imports })}</script>`
    writeFileSync(join(site, 'index.html'), page('app.js', map))
    for (const name of ['reload', 'helped'])
      writeFileSync(join(site, `${name}.html`), page(`${name}.js`, map))
    // NOTE: import maps are not for workers.
    const script = readFileSync(join(site, 'own-worker.js'), 'utf8')
    writeFileSync(join(site, 'own-worker.js'), script.replace("'varve'", `'${imports.varve}'`))
  },

  async esbuild(project, site) {
    await esbuild({
      entryPoints: [join(project, 'app.js'), join(project, 'own-worker.js')],
      bundle: true,
      minify: true,
      format: 'esm',
      outdir: site,
      logLevel: 'error',
    })
    writeFileSync(join(site, 'index.html'), page('app.js'))
  },

  async vite(project, site) {
    writeFileSync(join(project, 'index.html'), page('app.js'))
    await vite({ root: project, logLevel: 'error', build: { outDir: site, emptyOutDir: true } })
  },

  async webpack(project, site) {
    const compiler = webpack({
      mode: 'production',
      context: project,
      entry: './app.js',
      output: { path: site, filename: 'app.js' },
      performance: { hints: false },
    })
    await new Promise<void>((resolve, reject) => {
      compiler.run((error, stats) => {
        const problems = stats?.toString({ all: false, errors: true, warnings: true }) ?? ''
        if (error !== null) reject(error)
        else if (problems === '') resolve()
        else reject(new Error(problems))
      })
    })
    writeFileSync(join(site, 'index.html'), page('app.js'))
  },
}

/** A user's project: his page, and the package as it is installed. */
export function createProject(directory: string): void {
  const installed = join(directory, 'node_modules/varve')
  mkdirSync(installed, { recursive: true })
  cpSync(join(root, 'package.json'), join(installed, 'package.json'))
  cpSync(join(root, 'dist'), join(installed, 'dist'), { recursive: true })
  for (const name of ['app.js', 'own-worker.js', 'reload.js', 'helped.js'])
    cpSync(join(here, name), join(directory, name))
  writeFileSync(join(directory, 'package.json'), JSON.stringify({ type: 'module', private: true }))
}

function page(script: string, head: string = ''): string {
  return `<!doctype html><html><head><title>bundled</title>${head}<script type="module" src="./${script}"></script></head></html>`
}
