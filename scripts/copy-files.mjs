// Puts the kernel beside the bundles, for those who load it from its own URL ("varve/varve.wasm"), and the script of a page's worker, for those who may not make it of text.
import { copyFileSync } from 'node:fs'

copyFileSync('build/varve.wasm', 'dist/varve.wasm')
copyFileSync('build/browser-worker.js', 'dist/browser-worker.js')
