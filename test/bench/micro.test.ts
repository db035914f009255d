/** The hot paths that `npm run bench -- micro` compares: kernel and twins do the same work. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { NAMES, outcomes } from '../../bench/micro/check.mjs'
import { compileKernel } from '../../bench/micro/compile.mjs'

const SMALL = { entries: 2000, cached: 300, blocks: 6, raises: 500 }

describe('a twin', () => {
  let directory: string
  let wasm: string

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'varve-micro-'))
    wasm = await compileKernel(directory, 'debug')
  })

  afterAll(() => rmSync(directory, { recursive: true, force: true }))

  it.each(NAMES)('does what the kernel does: %s', async (name) => {
    const { wasm: kernel, twin } = await outcomes(name, wasm, SMALL)
    expect(twin).toEqual(kernel)
  })
})
