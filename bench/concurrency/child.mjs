// One variant of one line, in a process of its own: child.mjs <line> <variant>
import { othersCores } from './machine.mjs'
import { report } from './rounds.mjs'

const [line, variant] = process.argv.slice(2)
const { measure } = await import(`./${line}.mjs`)
const figures = await measure(variant)
report(figures, othersCores())
