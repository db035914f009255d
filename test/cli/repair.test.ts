import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { failure, library, output, temporaryPath } from './support.ts'

it('repair saves what a damaged database still holds, and keeps its files', async () => {
  const data = await temporaryPath()
  const db = await library.open(data, { keyEncoding: 'utf8', valueEncoding: 'utf8' })
  for (let i = 0; i < 1000; i++) db.putSync(`k${String(i).padStart(4, '0')}`, `value ${i}`)
  await db.flush()
  await db.close()
  expect(await output(['repair', data])).toBe('nothing is damaged; nothing was changed\n')
  const [name = ''] = (await readdir(data)).filter((each) => each.endsWith('.sst'))
  const bytes = await readFile(join(data, name))
  bytes[2000] = (bytes[2000] ?? 0) ^ 1
  await writeFile(join(data, name), bytes)
  await failure(4, ['verify', data])
  const said = await output(['repair', data])
  expect(said).toContain(`${name}, offset `)
  expect(said).toContain('the files as they were are in before-salvage-1')
  expect(await readFile(join(data, 'before-salvage-1', name))).toEqual(bytes)
  expect(await output(['verify', data])).toMatch(/^ok: /)
  const left = Number(await output(['count', data]))
  expect(left).toBeGreaterThan(700)
  expect(left).toBeLessThan(1000)
  expect(said).toContain(`${1000 - left} entries are lost`)
  await writeFile(join(data, 'superblock-a'), 'x')
  await writeFile(join(data, 'superblock-b'), 'y')
  await failure(4, ['count', data])
  const json = JSON.parse(await output(['repair', data, '--json'])) as { keptIn: string }
  expect(json.keptIn).toBe('before-salvage-2')
  // Without a manifest the tables count alone: a clean close leaves no journal of what is in them.
  expect(Number(await output(['count', data]))).toBe(left)
  await failure(1, ['repair', await temporaryPath()])
})
