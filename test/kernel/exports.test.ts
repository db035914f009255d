import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { CONTROL, PAGE_BYTES, SLOTS, SLOT_BYTES, SLOT_COUNT } from '../../assembly/memory/layout.ts'

/** Name and number of parameters of every method of the interface KernelExports. */
function declared(): Map<string, number> {
  const source = readFileSync('src/kernel/exports.ts', 'utf8').replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, '')
  const body = /interface KernelExports \{([\s\S]*)\}/.exec(source)?.[1] as string
  const found = new Map<string, number>()
  for (const [, name, parameters] of body.matchAll(/(\w+)\(([^)]*)\): \w+/g)) {
    found.set(name as string, (parameters as string).split(',').filter((part) => part.trim() !== '').length)
  }
  return found
}

/** Address ranges that instantiating a module writes. */
function dataSegments(wasm: Uint8Array): [number, number][] {
  let at = 8
  const unsigned = (): number => {
    let value = 0
    for (let shift = 0; ; shift += 7) {
      const byte = wasm[at++] as number
      value += (byte & 127) * 2 ** shift
      if (byte < 128) return value
    }
  }
  const segments: [number, number][] = []
  while (at < wasm.length) {
    const id = wasm[at++]
    const end = unsigned() + at
    if (id === 11) {
      for (let count = unsigned(); count > 0; count--) {
        // Active, memory 0, i32.const address, end.
        expect([unsigned(), wasm[at++]]).toEqual([0, 0x41])
        const address = unsigned()
        expect(wasm[at++]).toBe(0x0b)
        const length = unsigned()
        segments.push([address, address + length])
        at += length
      }
    }
    at = end
  }
  return segments
}

describe.each(['build/varve.wasm', 'build/varve.debug.wasm'])('%s', (file) => {
  const binary = readFileSync(file)
  const module = new WebAssembly.Module(binary)

  test('exports exactly what src/kernel/exports.ts declares', () => {
    const memory = new WebAssembly.Memory({ initial: 8, maximum: 8, shared: true })
    const { exports } = new WebAssembly.Instance(module, { env: { memory, abort() {} } })
    const actual = new Map(
      Object.entries(exports).map(([name, value]) => [name, (value as () => void).length]),
    )
    const sorted = (map: Map<string, number>): [string, number][] =>
      [...map].sort(([a], [b]) => (a < b ? -1 : 1))
    expect(declared().size).toBeGreaterThan(20)
    expect(sorted(actual)).toEqual(sorted(declared()))
  })

  test('imports its memory and nothing else but abort', () => {
    const allowed = new Set(['env.memory', 'env.abort'])
    for (const { module: from, name } of WebAssembly.Module.imports(module)) {
      expect(allowed).toContain(`${from}.${name}`)
    }
  })

  // A second thread instantiates the module on a memory in use: its data segments must not touch anything.
  test('instantiating writes neither the control block nor slots nor pages', () => {
    for (const [from, to] of dataSegments(binary)) {
      const inUnused = to <= CONTROL
      const inSpare = from >= SLOTS + SLOT_COUNT * SLOT_BYTES && to <= PAGE_BYTES
      expect(inUnused || inSpare, `data segment ${from} to ${to}`).toBe(true)
    }
  })
})
