// The entry point varve/level as CommonJS gets it.
const { AbstractLevel } = require('abstract-level')
const { VarveLevel } = require('varve/level')

exports.check = async function check(directory) {
  const { useLevel } = await import('./level-use.mjs')
  await useLevel({ VarveLevel, AbstractLevel }, directory)
}
