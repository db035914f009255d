// The entry point varve/level as a module, in a project that has abstract-level.
import { AbstractLevel } from 'abstract-level'
import { VarveLevel } from 'varve/level'
import { useLevel } from './level-use.mjs'

export async function check(directory) {
  await useLevel({ VarveLevel, AbstractLevel }, directory)
}
