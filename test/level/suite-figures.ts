/** What classic-level 3.0.0 passes of abstract-level 3.1.1's suite, the sublevel pass included (measured by control.test.ts). */
export const SUITE_ASSERTIONS = 5168
