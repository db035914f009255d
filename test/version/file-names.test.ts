import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  journalFileName,
  manifestFileName,
  parseFileName,
  superblockFileName,
  tableFileName,
} from '../../src/fs/file-names.ts'

describe('names of numbered files', () => {
  it('are read back as they were made', () => {
    const anyId = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER })
    fc.assert(
      fc.property(anyId, (id) => {
        expect(parseFileName(tableFileName(id))).toEqual({ kind: 'table', id })
        expect(parseFileName(journalFileName(id))).toEqual({ kind: 'journal', id })
        expect(parseFileName(manifestFileName(id))).toEqual({ kind: 'manifest', id })
      }),
    )
  })

  it('have 16 lowercase hexadecimal digits', () => {
    expect(tableFileName(0xabc)).toBe('0000000000000abc.sst')
    expect(journalFileName(2 ** 53 - 1)).toBe('001fffffffffffff.wal')
    expect(parseFileName('00000000000000ff.blob')).toEqual({ kind: 'blob', id: 255 })
  })

  it.each([0, -1, 1.5, 2 ** 53, NaN, Infinity])('refuse the id %s', (id) => {
    expect(() => tableFileName(id)).toThrow(RangeError)
  })
})

describe('parseFileName', () => {
  it.each([
    [superblockFileName('a'), 'superblock'],
    [superblockFileName('b'), 'superblock'],
    ['owner', 'owner'],
    ['LOCK.1', 'lock'],
    ['LOCK.999999999999999', 'lock'],
    ['LOCK.new-0123456789abcdef', 'lock'],
  ])('knows %s', (name, kind) => {
    expect(parseFileName(name)).toEqual({ kind })
  })

  it.each([
    '',
    '0000000000000000.sst',
    '0020000000000000.sst',
    'ffffffffffffffff.wal',
    '000000000000000A.sst',
    '00000000000000a.sst',
    '000000000000000aa.sst',
    '000000000000000a.SST',
    '000000000000000a.sst ',
    '000000000000000a.sst\n',
    ' 000000000000000a.sst',
    '000000000000000a.sst.bak',
    '._000000000000000a.sst',
    '000000000000000a',
    '000000000000000a.',
    '0x0000000000000a.sst',
    'superblock-c',
    'superblock-',
    'superblock-a\n',
    'LOCK',
    'LOCK.0',
    'LOCK.01',
    'LOCK.9999999999999999',
    'LOCK.new-0123456789abcde',
    'owner2',
    '.DS_Store',
    'Thumbs.db',
  ])('leaves %j alone', (name) => {
    expect(parseFileName(name)).toBeUndefined()
  })
})
