/**
 * What `npm run bench -- micro` measures of the kernel: its own functions in loops, so that the boundary is not paid for. Not shipped
 * (compile.mjs compiles this entry). The twins and the native program have functions of the same names and arguments.
 */
export { attachSlot, initialise } from '../../../assembly/memory/control'
export * from './blocks'
export * from './boundary'
export * from './compression'
export * from './filters'
export * from './hashes'
export * from './keys'
export * from './memtables'
export * from './merges'
export * from './seqnos'
