/** What a run did to the files of one database directory, in order: of a simulated disk (traced-disk.ts) or of a real one (strace.ts). */
export type TraceEvent =
  | { readonly kind: 'create' | 'unlink'; readonly file: string }
  /** A write begins, and is done: what is durable before the one, and what a sync that begins after the other covers. */
  | { readonly kind: 'write'; readonly file: string; readonly offset: number; readonly bytes: Uint8Array }
  | { readonly kind: 'written'; readonly file: string }
  | { readonly kind: 'truncate'; readonly file: string; readonly length: number }
  /** `file`: '' for the directory. `token`: tells syncs of one file apart that overlap. */
  | { readonly kind: 'syncStart'; readonly file: string; readonly token: number }
  | { readonly kind: 'sync'; readonly file: string; readonly token: number; readonly failed: boolean }
  /** Every thread had time to hear of the syncs that failed before. */
  | { readonly kind: 'settled' }
  /** A caller was told that this commit is as durable as `sync` promises. */
  | { readonly kind: 'acknowledged'; readonly commit: number }
