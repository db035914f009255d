import { VarveError, type VarveErrorCode } from '../errors.ts'

/** An error as a message can carry it: type, code and words are kept. */
export interface PlainError {
  name: string
  message: string
  code?: VarveErrorCode
  file?: string | undefined
  offset?: number | undefined
  cause?: PlainError
}

/** NOTE: causes of causes end somewhere, and so does this. */
const CAUSES_MAX = 4

const CONSTRUCTORS: Readonly<Record<string, new (message: string, options?: ErrorOptions) => Error>> = {
  TypeError,
  RangeError,
  SyntaxError,
}

export function plainError(error: unknown, depth: number = 0): PlainError {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error) }
  return {
    name: error.name,
    message: error.message,
    ...(error instanceof VarveError && { code: error.code, file: error.file, offset: error.offset }),
    ...(error.cause !== undefined && depth < CAUSES_MAX && { cause: plainError(error.cause, depth + 1) }),
  }
}

export function errorOf(plain: PlainError): Error {
  const options = plain.cause === undefined ? {} : { cause: errorOf(plain.cause) }
  if (plain.code !== undefined) {
    return new VarveError(plain.code, plain.message, {
      ...options,
      ...(plain.file !== undefined && { file: plain.file }),
      ...(plain.offset !== undefined && { offset: plain.offset }),
    })
  }
  const error = new (CONSTRUCTORS[plain.name] ?? Error)(plain.message, options)
  if (error.name !== plain.name)
    Object.defineProperty(error, 'name', { value: plain.name, configurable: true })
  return error
}
