/**
 * What an acknowledgement promises.
 *
 * - `buffered`: in the engine's buffer; handed to the operating system within `flushInterval` or 64 KiB.
 * - `os`: handed to the operating system; survives a killed process (default).
 * - `sync`: fdatasynced; survives a power loss.
 */
export type Durability = 'buffered' | 'os' | 'sync'

/** Durability of a database: `none` keeps no journal at all. */
export type DatabaseDurability = Durability | 'none'
