/** Slot index + 1 of the thread whose instance of the kernel this is: what lock words hold. An instance that has no slot yet is some thread all the same. */
export let threadMark: u32 = 0xffffffff

/** A thread takes its slot. */
export function setThreadMark(index: u32): void {
  threadMark = index + 1
}
