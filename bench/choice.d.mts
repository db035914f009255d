export declare function chosenBy(
  variable: string,
  known: readonly string[],
  otherwise?: readonly string[],
): string[]
