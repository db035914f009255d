/** What a plain Node process needs to use the file system, without what it imports from Node. */
export const nodeSources: readonly string[] = [
  'errors',
  'fs/boot-id',
  'fs/host-error',
  'fs/lock-socket',
  'fs/memory',
  'fs/node',
  'fs/node-aside',
  'fs/node-file',
  'fs/owner-file',
  'fs/owner-lock',
]
