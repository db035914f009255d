export function takeNothing(): void {}

export function takeFourNumbers(a: u32, b: u32, c: u32, d: u32): u32 {
  return a + b + c + d
}
