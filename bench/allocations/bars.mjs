/** What varve is held to, as the report names it. */
export const BARS = {
  put: 'putSync',
  has: 'hasSync',
  get: 'getSync',
  twin: 'twin put ÷ putSync (at least 1 B)',
}
