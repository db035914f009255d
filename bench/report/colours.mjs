/** Dark enough for white, and told apart by those who see few colours; engines have a symbol each besides. */
export const TEXT = '#1f2328'
export const LINE = '#d1d9e0'
export const BACK = '#ffffff'
export const GOOD = '#0060a8'
export const SHORT = '#b06a00'
export const BAD = '#b3261e'

/** Colour and symbol of an engine's points. */
export const ENGINES = {
  varve: [GOOD, 'circle'],
  'varve-sync': [GOOD, 'emptyCircle'],
  'varve-alone': [GOOD, 'emptyDiamond'],
  'classic-level': [SHORT, 'rect'],
  lmdb: ['#00805c', 'triangle'],
  'lmdb-safe': ['#00805c', 'emptyTriangle'],
  sqlite: ['#a8457f', 'emptyDiamond'],
  'sqlite-tuned': ['#a8457f', 'diamond'],
  rocksdb: ['#6d4fc2', 'path://M0 0L10 0L5 9Z'],
  'memory-level': [SHORT, 'emptyRect'],
}

/** What a dark page has in their place. */
export const DARK = {
  [TEXT]: '#e6e8eb',
  [LINE]: '#3a424b',
  [BACK]: '#14171a',
  [GOOD]: '#62b0f5',
  [SHORT]: '#e0a040',
  [BAD]: '#ff7b72',
  '#00805c': '#3fc79a',
  '#a8457f': '#e58bc0',
  '#6d4fc2': '#b39bf5',
}
