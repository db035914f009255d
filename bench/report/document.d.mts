export type Part = string | { form: 'code' | 'strong' | 'link'; text: string; target?: string }
export type Text = Part | readonly Part[]

export type Block =
  | { kind: 'heading'; level: number; text: Text }
  | { kind: 'paragraph'; text: Text }
  | { kind: 'commands'; lines: readonly string[] }
  | {
      kind: 'table'
      columns: readonly Text[]
      rows: readonly (readonly Text[])[]
      numbers: readonly number[]
    }
  | { kind: 'picture'; name: string; alt: string; plot: Plot }

export type BlockOf<Kind extends Block['kind']> = Extract<Block, { kind: Kind }>

export interface Plot {
  form: 'ratios' | 'engines'
  rows: readonly { name: string; ratio?: number; target?: number; ratios?: Record<string, number> }[]
}

export declare function heading(level: number, text: Text): Block
export declare function paragraph(...text: readonly Part[]): Block
export declare function commands(lines: readonly string[]): Block
export declare function table(
  columns: readonly Text[],
  rows: readonly (readonly Text[])[],
  numbers?: readonly number[],
): Block
export declare function picture(name: string, alt: string, plot: Plot): Block
export declare function code(text: string): Part
export declare function strong(text: string): Part
export declare function link(text: string, target: string): Part
export declare function blocksOf(markdown: string): Block[]
