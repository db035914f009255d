import { isUtf8 } from 'node:buffer'
import { usage } from './failure.ts'

/** How keys are written on the command line and printed. */
export type KeyText = 'utf8' | 'hex' | 'base64'
/** How values are written and printed; `json` is text that is checked to be JSON and stored as it is. */
export type ValueText = KeyText | 'json'

export const keyTexts: readonly KeyText[] = ['utf8', 'hex', 'base64']
export const valueTexts: readonly ValueText[] = ['utf8', 'hex', 'base64', 'json']

/** Turns text into the bytes it stands for. @throws a usage failure that says what the text is not. */
export function bytesOfText(text: string, encoding: ValueText, what: string): Uint8Array {
  switch (encoding) {
    case 'utf8':
      return Buffer.from(text, 'utf8')
    case 'hex':
      if (text.length % 2 !== 0 || !/^[0-9a-f]*$/i.test(text)) {
        throw usage(`${what} is not hexadecimal: pairs of 0-9 and a-f are expected.`)
      }
      return Buffer.from(text, 'hex')
    case 'base64':
      return bytesOfBase64(text, what)
    case 'json':
      if (!isJson(text)) throw usage(`${what} is not JSON.`)
      return Buffer.from(text.trim(), 'utf8')
  }
}

export function bytesOfBase64(text: string, what: string): Uint8Array {
  const bytes = Buffer.from(text, 'base64')
  // Buffer skips what it does not know; comparing with what it would have written finds that out.
  if (bytes.toString('base64').replace(/=+$/, '') !== text.replace(/={0,2}$/, '')) {
    throw usage(`${what} is not base64.`)
  }
  return bytes
}

/** Turns bytes into text. @throws a usage failure that names an encoding that can show the bytes. */
export function textOfBytes(bytes: Uint8Array, encoding: ValueText, what: 'key' | 'value'): string {
  const buffer = bufferOf(bytes)
  switch (encoding) {
    case 'hex':
    case 'base64':
      return buffer.toString(encoding)
    case 'utf8':
    case 'json': {
      if (!isUtf8(buffer)) {
        throw usage(
          `A ${what} is not valid UTF-8; ask for it with --${what}-encoding hex or --${what}-encoding base64.`,
        )
      }
      const text = buffer.toString('utf8')
      if (encoding === 'utf8') return text
      if (!isJson(text)) throw usage(`A ${what} is not JSON; ask for it with --${what}-encoding utf8.`)
      // Line breaks in JSON text are white space between tokens: inside strings they are escaped.
      return text.replace(/[\r\n]+/g, ' ').trim()
    }
  }
}

/** Text as a JSON token of an output line: JSON stays as it is, everything else becomes a string. */
export function jsonToken(text: string, encoding: ValueText): string {
  return encoding === 'json' ? text : JSON.stringify(text)
}

/** The same bytes as a Buffer, without copying. */
export function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
