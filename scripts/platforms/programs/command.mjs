// The command, as the package's "bin" names it.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { output } from './child.mjs'
import { expectSame } from './expect.mjs'

export async function check(directory) {
  const home = new URL('./node_modules/varve/', import.meta.url)
  const { bin, version } = JSON.parse(readFileSync(new URL('package.json', home), 'utf8'))
  const varve = (...args) => output(new URL(bin.varve, home), ...args)
  const path = join(directory, 'data')
  const success = (stdout) => ({ code: 0, signal: null, stdout })
  expectSame('varve --version', await varve('--version'), success(`${version}\n`))
  expectSame('varve put', await varve('put', path, 'käse', 'grüße 🎉', '--create'), success(''))
  expectSame('varve get', await varve('get', path, 'käse'), success('grüße 🎉\n'))
  expectSame('varve scan', await varve('scan', path), success('käse\tgrüße 🎉\n'))
  expectSame('varve count', await varve('count', path), success('1\n'))
}
