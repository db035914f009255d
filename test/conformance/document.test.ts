import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

const text = readFileSync('docs/conformance.md', 'utf8')
/** A file below test/ in backquotes, and the names of tests in double quotes behind it. */
const references = [...text.matchAll(/`([\w/-]+\.test\.ts)`((?:[:,] "[^"]+")*)/g)].map(([, file, names]) => ({
  file: join('test', file as string),
  names: [...(names as string).matchAll(/"([^"]+)"/g)].map(([, name]) => name as string),
}))

describe('docs/conformance.md', () => {
  it('names tests that are there', () => {
    expect(references.length).toBeGreaterThan(100)
    const missing: string[] = []
    for (const { file, names } of references) {
      if (!existsSync(file)) missing.push(file)
      else {
        const source = readFileSync(file, 'utf8')
        // Behind the opening of a string literal, so that a part of a name does not count.
        for (const name of names) {
          if (!source.includes(`'${name}'`)) missing.push(`${file}: ${name}`)
        }
      }
    }
    expect(missing).toEqual([])
    expect((text.match(/\.test\.ts/g) ?? []).length).toBe(references.length)
  })

  it('names every file of conformance tests', () => {
    const named = new Set(references.map(({ file }) => file))
    const files = readdirSync('test/conformance').filter((name) => name.endsWith('.test.ts'))
    const unnamed = files.map((name) => join('test/conformance', name)).filter((file) => !named.has(file))
    expect(unnamed).toEqual(['test/conformance/document.test.ts'])
  })
})
