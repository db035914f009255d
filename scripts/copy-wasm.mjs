// Puts the kernel beside the bundles, for those who load it from its own URL ("varve/varve.wasm").
import { copyFileSync } from 'node:fs'

copyFileSync('build/varve.wasm', 'dist/varve.wasm')
