/** How far a long job is. */
export interface Progress {
  readonly doneBytes: number
  readonly totalBytes: number
}

export type ProgressListener = (progress: Progress) => void
