/** The programs that bugs are shown to, those of the other branches of test/torture included as soon as they are there. */
export type ProgramName =
  | 'crash-points'
  | 'crash-in-recovery'
  | 'io-errors'
  | 'isolation'
  | 'gc-under-load'
  | 'bounded-exhaustive'
  | 'metamorphic'
  | 'model'
  | 'bitflip'
  | 'file-faults'
  | 'fuzz-decoders'
  | 'oom'
  | 'limits'
  | 'kill9'
  | 'lock'
  | 'soak'
  | 'durability-audit'

export interface ProgramBudget {
  /** What the program is given, so that it ends soon. */
  readonly options: Readonly<Record<string, number | boolean>>
  /** After that it is ended, and has noticed nothing. */
  readonly limitSeconds: number
  /** The engine that counts is not its own but that of processes it makes: so it is not bundled with the patches, but is told of them, as all are. */
  readonly takesPatches: boolean
  /** Where it is not a file of its own. */
  readonly partOf?: ProgramName
}

function budget(
  options: ProgramBudget['options'],
  limitSeconds: number,
  takesPatches = false,
): ProgramBudget {
  return { options, limitSeconds, takesPatches }
}

/** Each program has the same budget and seed for all bugs, so that one run without a bug is a control for all of them. */
export const BUDGETS: Readonly<Record<ProgramName, ProgramBudget>> = {
  'crash-points': budget({ seed: 1, seconds: 120, workloads: 8, steps: 40, shorten: false }, 180),
  'crash-in-recovery': {
    ...budget({ seed: 1, seconds: 170, workloads: 3, steps: 6, secondCrashEvery: 3, shorten: false }, 300),
    partOf: 'crash-points',
  },
  'io-errors': budget({ seed: 1, seconds: 120, workloads: 2, steps: 20 }, 180),
  isolation: budget({ seed: 1, seconds: 11 }, 180, true),
  'gc-under-load': budget({ seed: 1, seconds: 12, roundSeconds: 3, settleSeconds: 6 }, 180, true),
  'bounded-exhaustive': budget({ seed: 1, seconds: 30, steps: 2 }, 180),
  metamorphic: budget({ seed: 1, seconds: 30, workloads: 4, shorten: false }, 240),
  model: budget({ seed: 1, seconds: 20 }, 180),
  bitflip: budget({ seed: 1, seconds: 1, passes: 1 }, 240),
  'file-faults': budget({ seed: 1, seconds: 1 }, 240),
  'fuzz-decoders': budget({ seed: 1, seconds: 20 }, 180),
  oom: budget({ seed: 1, seconds: 20 }, 180),
  limits: budget({ seed: 1, seconds: 20 }, 180),
  kill9: budget({ seed: 1, seconds: 30, kills: 60 }, 180, true),
  lock: budget({ seed: 1, seconds: 30, races: 15 }, 180, true),
  soak: budget({ seed: 1, seconds: 15, idleSeconds: 3 }, 240, true),
  'durability-audit': budget({ seed: 1, seconds: 20 }, 180),
}

export function sourceOf(program: ProgramName): string {
  return `test/torture/${BUDGETS[program].partOf ?? program}.ts`
}

/** The function that a program's file exports. */
export function functionOf(program: ProgramName): string {
  return (BUDGETS[program].partOf ?? program).replaceAll(/-(.)/g, (_, letter: string) => letter.toUpperCase())
}
