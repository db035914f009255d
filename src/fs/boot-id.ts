/** Which boot of this machine this is: after another one, what was not flushed may be gone. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

const bootIdBytes = 16
const sysctlTimeoutMs = 2000

/** The running boot of this machine; all zero (unknown) where the host does not tell. */
export function readBootId(): Uint8Array {
  let text = ''
  try {
    if (process.platform === 'linux') text = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1')
    else if (process.platform === 'darwin') {
      text = execFileSync('/usr/sbin/sysctl', ['-n', 'kern.bootsessionuuid'], {
        encoding: 'latin1',
        timeout: sysctlTimeoutMs,
        stdio: ['ignore', 'pipe', 'ignore'],
      })
    }
  } catch {
    // Unknown is a valid answer: recovery then treats every boot as another one.
  }
  const digits = text.trim().replaceAll('-', '')
  const bytes = new Uint8Array(bootIdBytes)
  if (/^[0-9a-fA-F]{32}$/.test(digits)) bytes.set(Buffer.from(digits, 'hex'))
  return bytes
}
