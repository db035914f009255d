/** Figures as text. */

/** `doubleCrashes` → `double crashes`, `memoryMB` → `memory MB`. */
export function words(name: string): string {
  return name.replace(/[A-Z]+/g, (letters) => ` ${letters.length > 1 ? letters : letters.toLowerCase()}`)
}

export function count(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: 2 })
}

export function percent(part: number, whole: number): string {
  return whole === 0 ? '–' : `${((100 * part) / whole).toFixed(1)} %`
}

/** What a summary has besides the figures. */
const OTHERS = new Set(['program', 'seed', 'seconds', 'run', 'violation', 'engines'])
const LONGEST_TEXT = 60
const LONGEST_RECORD = 12

/** The figures of a summary, in its order: numbers, short texts, and records of numbers. */
export function figuresOf(summary: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(summary).flatMap(([name, value]) => {
    if (OTHERS.has(name)) return []
    if (typeof value === 'number') return [`${words(name)} ${count(value)}`]
    if (typeof value === 'string') return value.length <= LONGEST_TEXT ? [`${words(name)} ${value}`] : []
    const parts = partsOf(value)
    if (parts.length > LONGEST_RECORD) return [`${words(name)}: ${parts.length} different`]
    return parts.length === 0 ? [] : [`${words(name)}: ${parts.join(', ')}`]
  })
}

function partsOf(value: unknown): string[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return []
  const entries: [string, unknown][] = Object.entries(value)
  return entries.flatMap(([name, part]) =>
    typeof part === 'number' ? [`${words(name)} ${count(part)}`] : [],
  )
}
