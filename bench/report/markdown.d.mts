import type { Block } from './document.mjs'

export declare function markdownOf(blocks: readonly Block[], folder: string): string
