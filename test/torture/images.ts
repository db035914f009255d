/** Crash images: what the disk may hold if the machine or the process dies right before an operation. */
import type { Bounds, Crash, Model } from '../model.ts'
import {
  type CrashPolicy,
  type FaultyFileSystem,
  type OperationKind,
  changingOperations,
  tornLength,
} from '../support/faulty.ts'
import { pick } from '../support/random.ts'

export interface Image {
  readonly files: FaultyFileSystem
  readonly crash: Crash
  readonly policy: CrashPolicy | 'tornWrite'
  /** Index of the operation that did not happen (or, torn, happened in part), and what it was. */
  readonly operation: number
  readonly kind: OperationKind | 'end'
  readonly file: string
  readonly bounds: Bounds
  /** Every write before the crash was whole: recovery has nothing to drop. */
  readonly whole: boolean
  /** A kill in the middle of a write: the beginning of it that still landed. */
  readonly torn: TornWrite | undefined
}

export interface TornWrite {
  readonly name: string
  readonly position: number
  readonly bytes: Uint8Array
}

const mildPolicies: readonly CrashPolicy[] = ['prefixPerFile', 'tornSector']
const wildPolicies: readonly CrashPolicy[] = ['randomBlocks', 'garbage']

export interface CameraOptions {
  readonly crashes?: readonly Crash[]
  /** Every write before was whole. */
  readonly whole?: boolean
  /** Exactly these images of each moment; without it a random choice of those of a power loss, and torn writes. */
  readonly policies?: readonly CrashPolicy[]
}

/** Takes images of a file system before every operation that changes it. */
export class Camera {
  readonly images: Image[] = []
  /** Operations at which images were taken. */
  operations = 0
  readonly #files: FaultyFileSystem
  readonly #random: () => number
  readonly #crashes: readonly Crash[]
  readonly #whole: boolean
  readonly #policies: readonly CrashPolicy[] | undefined
  #bounds: () => Bounds
  /** Taken before a write whose bytes are not known before the next operation. */
  #beforeWrite: Image | undefined

  constructor(
    files: FaultyFileSystem,
    model: Model,
    random: () => number,
    { crashes = ['kill', 'power'], whole = true, policies }: CameraOptions = {},
  ) {
    this.#files = files
    this.#random = random
    this.#crashes = crashes
    this.#whole = whole
    this.#policies = policies
    this.#bounds = () => model.bounds()
    files.onOperation = (index, kind, name) => {
      if (changingOperations.has(kind)) this.#take(index, kind, name)
      return 'continue'
    }
  }

  /** The last images, of what is there at the end. */
  finish(): Image[] {
    this.#take(this.#files.log.length, 'end', '')
    this.#files.onOperation = undefined
    return this.images
  }

  #take(operation: number, kind: OperationKind | 'end', file: string): void {
    const bounds = this.#bounds()
    const add = (crash: Crash, policy: CrashPolicy): Image => {
      const files = this.#files.crashImage(policy, this.#random)
      const whole = this.#whole && crash === 'kill'
      const image = { files, crash, policy, operation, kind, file, bounds, whole, torn: undefined }
      this.images.push(image)
      return image
    }
    this.operations++
    if (this.#policies !== undefined) {
      for (const policy of this.#policies) add(policy === 'keepAll' ? 'kill' : 'power', policy)
      return
    }
    this.#addTorn()
    if (this.#crashes.includes('kill')) {
      const image = add('kill', 'keepAll')
      if (kind === 'write') this.#beforeWrite = { ...image, files: image.files.clone() }
    }
    if (this.#crashes.includes('power')) {
      for (const policy of ['loseAll', this.#any(mildPolicies), this.#any(wildPolicies)] as const)
        add('power', policy)
    }
  }

  /** The write that was about to happen has happened: its image with only the beginning of the bytes. */
  #addTorn(): void {
    const image = this.#beforeWrite
    if (image === undefined) return
    this.#beforeWrite = undefined
    const record = this.#files.log[image.operation]
    const content = this.#files.snapshotFiles().get(image.file)
    if (record === undefined || content === undefined || record.length === 0) return
    const { name, offset: position, length } = record
    const cut = pick(this.#random, length)
    const before = image.files.snapshotFiles().get(name)?.byteLength ?? 0
    const bytes = content.slice(position, position + tornLength(name, before, position, cut))
    this.images.push({ ...image, policy: 'tornWrite', whole: false, torn: { name, position, bytes } })
  }

  #any<T>(list: readonly [T, ...T[]] | readonly T[]): T {
    const item = list[pick(this.#random, list.length)]
    if (item === undefined) throw new Error('nothing to choose from')
    return item
  }
}

/** Puts the beginning of a torn write where it belongs. */
export async function develop({ files, torn }: Image): Promise<FaultyFileSystem> {
  if (torn !== undefined && torn.bytes.byteLength > 0) {
    const file = await files.open(torn.name, true)
    file.write(torn.bytes, 0, torn.bytes.byteLength, torn.position)
    file.close()
  }
  return files
}

export function describe({ crash, policy, operation, kind, file, bounds, torn }: Image): string {
  const where = `${crash}, ${policy}, operation ${operation} (${kind}${file === '' ? '' : ` ${file}`})`
  const tear = torn === undefined ? '' : `, ${torn.bytes.byteLength} B of the write landed`
  const { lowest, highest } = bounds.commits
  return `${where}${tear}; commits ${lowest[crash]}..${highest}, layouts ${bounds.layouts.lowest[crash]}..${bounds.layouts.highest}`
}
