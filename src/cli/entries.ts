import type { KeyText, ValueText } from './codec.ts'

/** One thing a source of records says, with the line it came from. */
export type LoadItem = EntryItem | KeyspaceItem

export interface EntryItem {
  type: 'entry'
  line: number
  key: Uint8Array
  value: Uint8Array
}

/** The entries that follow belong to this keyspace (dumps only). */
export interface KeyspaceItem extends KeyspaceHeader {
  type: 'keyspace'
  line: number
}

export interface KeyspaceHeader {
  /** Empty for the default keyspace. */
  name: string
  /** Encodings fixed at its creation; undefined when none was. */
  keyEncoding: string | undefined
  valueEncoding: string | undefined
}

/** Which fields of a record make up the key and the value, and how they are written. */
export interface FieldMapping {
  /** Undefined means the field `key`, and `value` for the value. */
  keyField: string | undefined
  /** One: that field. Several: a JSON object of them. None: the whole record as a JSON object. */
  valueFields: readonly string[]
  keyEncoding: KeyText
  valueEncoding: ValueText
}

export function keyFieldOf(mapping: FieldMapping): string {
  return mapping.keyField ?? 'key'
}

/** The only field of the value, or undefined when the value is an object. */
export function valueFieldOf(mapping: FieldMapping): string | undefined {
  if (mapping.valueFields.length === 1) return mapping.valueFields[0]
  return mapping.valueFields.length === 0 && mapping.keyField === undefined ? 'value' : undefined
}
