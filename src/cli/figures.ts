/** Figures as people read them. */

/** `1,234` */
export function whole(count: number): string {
  return count.toLocaleString('en-US')
}

/** `5.6 MB`. NOTE: what would be rounded to 1000.0 is one of the next unit. */
export function decimalSize(bytes: number): string {
  return scaled(bytes, 1000, 999.95, ['B', 'kB', 'MB', 'GB', 'TB'])
}

/** `5.3 MiB` */
export function binarySize(bytes: number): string {
  return scaled(bytes, 1024, 1024, ['B', 'KiB', 'MiB', 'GiB', 'TiB'])
}

/** In the first unit in which it is below `limit`; each is `step` times the one before. */
function scaled(bytes: number, step: number, limit: number, units: readonly string[]): string {
  let value = bytes
  let unit = 0
  while (value >= limit && unit < units.length - 1) {
    value /= step
    unit++
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit] ?? ''}`
}
