import {
  DEFAULT_POLICY,
  policyProblem,
  type CompressionName,
  type KeyspacePolicy,
} from '../version/keyspace-policy.ts'
import { describe } from './encoding.ts'
import { ownOptions } from './options.ts'

/** The options of a keyspace that say how its tables are written and merged. */
export const POLICY_OPTIONS = ['compaction', 'tables'] as const

/** What options change of a policy. NOTE: read once: a getter or a Proxy may say something else the next time. */
export type PolicyChange = Partial<KeyspacePolicy>

/** @throws TypeError */
export function policyChange(bag: Readonly<Record<string, unknown>>): PolicyChange {
  return { ...compactionOf(bag['compaction']), ...tablesOf(bag['tables']) }
}

/** The policy that options ask for: what they do not name stays as in `current`, or as by default. @throws RangeError */
export function policyOf(change: PolicyChange, current: KeyspacePolicy = DEFAULT_POLICY): KeyspacePolicy {
  const policy = { ...current, ...change }
  const problem = policyProblem(policy)
  if (problem !== undefined) throw new RangeError(renamed(problem))
  return policy
}

function compactionOf(option: unknown): PolicyChange {
  if (option === undefined) return {}
  const bag = ownOptions(option, ['strategy', 'sizeLimit', 'ttl'], 'compaction')
  const { strategy = 'leveled', sizeLimit = 0, ttl = 0 } = bag
  if (strategy !== 'leveled' && strategy !== 'fifo')
    throw new TypeError("compaction.strategy must be 'leveled' or 'fifo'")
  if (strategy === 'leveled' && (bag['sizeLimit'] !== undefined || bag['ttl'] !== undefined))
    throw new TypeError("compaction.sizeLimit and compaction.ttl are for the strategy 'fifo'")
  return { strategy, sizeLimitBytes: number(sizeLimit, 'sizeLimit'), ttlMs: number(ttl, 'ttl') }
}

function tablesOf(option: unknown): PolicyChange {
  if (option === undefined) return {}
  const bag = ownOptions(option, ['blockSize', 'restartInterval', 'compression', 'bitsPerKey'], 'tables')
  return {
    ...(bag['blockSize'] !== undefined && { blockBytes: numbers(bag['blockSize'], 'blockSize') }),
    ...(bag['restartInterval'] !== undefined && {
      restartIntervals: numbers(bag['restartInterval'], 'restartInterval'),
    }),
    ...(bag['compression'] !== undefined && { compressions: listOf(bag['compression']).map(compression) }),
    ...(bag['bitsPerKey'] !== undefined && { bitsPerKey: numbers(bag['bitsPerKey'], 'bitsPerKey') }),
  }
}

/** One value for all levels, or a list. */
function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? (value as readonly unknown[]) : [value]
}

function numbers(value: unknown, name: string): number[] {
  return listOf(value).map((each) => number(each, name))
}

function number(value: unknown, name: string): number {
  if (typeof value !== 'number') throw new TypeError(`${name} must be a number, not ${describe(value)}`)
  return value
}

function compression(value: unknown): CompressionName {
  if (value === 'none' || value === 'lz4') return value
  throw new TypeError("compression must be 'none' or 'lz4', or a list of these by level")
}

/** The same words with the names that the options have. */
function renamed(problem: string): string {
  const names = {
    sizeLimitBytes: 'sizeLimit',
    ttlMs: 'ttl',
    blockBytes: 'blockSize',
    restartIntervals: 'restartInterval',
    compressions: 'compression',
  }
  return Object.entries(names).reduce((text, [from, to]) => text.replace(from, to), problem)
}
