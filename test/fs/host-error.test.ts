import { expect, it } from 'vitest'
import { hostFailure, refusedByRuntime } from '../../src/fs/host-error.ts'

/** As Deno throws it: a name of its own, no code. */
function notCapable(): Error {
  const error = new Error('Requires write access to "/data", run again with the --allow-write flag')
  error.name = 'NotCapable'
  return error
}

it('says in its own words what the runtime refuses', () => {
  const cause = notCapable()
  const error = hostFailure(cause, 'create', 'the directory /data', { file: 'f' })
  expect(error).toMatchObject({ code: 'NOT_SUPPORTED', file: 'f', cause })
  expect(error.message).toBe(
    'Cannot create the directory /data: the runtime does not permit it (Requires write access to "/data", run again with the --allow-write flag).',
  )
})

it.each([
  ['of the operating system', Object.assign(new Error('no'), { code: 'EACCES' })],
  ['of an argument', Object.assign(new TypeError('no'), { code: 'ERR_INVALID_ARG_TYPE' })],
  ['that is none', 'NotCapable'],
])('takes no error %s for a refusal', (_, error) => {
  expect(refusedByRuntime(error, 'open f')).toBeUndefined()
})
