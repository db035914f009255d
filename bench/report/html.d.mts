import type { Block, Plot } from './document.mjs'

export declare function htmlOf(blocks: readonly Block[], draw: (plot: Plot, width: number) => string): string
