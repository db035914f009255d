export declare const NOTABLE: readonly string[]
export declare function readNotes(): Map<string, string>
export declare function notesOf(markdown: string): Map<string, string>
