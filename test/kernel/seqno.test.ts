import { beforeEach, describe, expect, test } from 'vitest'
import { SLOT_GROUP_END, SLOT_GROUP_SEQNO } from '../../assembly/memory/layout.ts'
import { bareKernel, type BareKernel } from './support.ts'

let k: BareKernel
beforeEach(() => {
  k = bareKernel(8)
})
const group = (): [bigint, bigint] => [
  k.view.getBigUint64(k.slot + SLOT_GROUP_SEQNO, true),
  k.view.getBigUint64(k.slot + SLOT_GROUP_END, true),
]

describe('seqnos', () => {
  test('start at 1, with nothing visible', () => {
    expect(k.x.nextSeqno()).toBe(1)
    expect(k.x.visibleSeqno()).toBe(1)
  })

  test('a group takes consecutive seqnos and is published as a whole', () => {
    k.x.beginGroup(k.slot, 3)
    expect(group()).toEqual([1n, 4n])
    expect(k.x.nextSeqno()).toBe(4)
    expect(k.x.visibleSeqno()).toBe(1)
    k.x.skipEntry(k.slot)
    expect(group()).toEqual([2n, 4n])
    k.x.publishGroup(k.slot)
    expect(k.x.visibleSeqno()).toBe(4)
    k.x.beginGroup(k.slot, 1)
    expect(group()).toEqual([4n, 5n])
  })

  test('replay: setGroup leaves the counter alone', () => {
    k.x.setGroup(k.slot, 2 ** 52 + 1, 10)
    expect(group()).toEqual([2n ** 52n + 1n, 2n ** 52n + 11n])
    expect(k.x.nextSeqno()).toBe(1)
  })

  test('raising never lowers', () => {
    k.x.raiseNextSeqno(2 ** 40)
    k.x.raiseNextSeqno(7)
    expect(k.x.nextSeqno()).toBe(2 ** 40)
    k.x.publishSeqno(2 ** 40)
    k.x.publishSeqno(9)
    expect(k.x.visibleSeqno()).toBe(2 ** 40)
    k.x.setGroup(k.slot, 5, 1)
    k.x.publishGroup(k.slot)
    expect(k.x.visibleSeqno()).toBe(2 ** 40)
  })

  test('seqnos up to 2^53 − 1 cross the boundary exactly', () => {
    k.x.raiseNextSeqno(2 ** 53 - 2)
    expect(k.x.nextSeqno()).toBe(2 ** 53 - 2)
    k.x.beginGroup(k.slot, 1)
    expect(k.x.nextSeqno()).toBe(2 ** 53 - 1)
    expect(group()).toEqual([2n ** 53n - 2n, 2n ** 53n - 1n])
  })
})
