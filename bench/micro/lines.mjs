import { halfCompressibleValues, randomSource, sequentialKeys, shuffledKeys } from '../data.mjs'
import { Image, SEQNO_CELL, SLOT } from './image.mjs'

const KEY_BYTES = 16
const VALUE_BYTES = 100
/** Values are taken in turn; the functions know the number. */
const VALUES = 1024
/** Keys of a table's blocks lie that far apart. */
const KEY_STEP = 23
const BLOCK_BYTES = 4096
const RESTART_INTERVAL = 4
const FILTER_BITS_PER_KEY = 10
const FILTER_PROBES = 6
const LINE_BITS = 512
const TRAILER_BYTES = 32
const TRAILER_ENTRIES = 8
/** Between blocks that are compressed or decompressed. */
const BLOCK_ROOM = 8192
const LZ4_SCRATCH_BYTES = 16_384
const CHUNK_BYTES = 65_536

/** Numbers of entries: as a memtable has them; in cache; of 64 blocks. */
export const FULL = { entries: 50_000, cached: 4096, blocks: 64, raises: 100_000 }

/**
 * The hot paths of the kernel. Each makes, of numbers of entries, its image and:
 *
 * `run` what is timed: a function of bench/micro/kernel and its arguments; `prepare` one that runs once before it, `before` one that runs before each time;
 * `operations` of a run; `output` address and length of what it leaves, which must be the same in all columns; `threads` that run it at once.
 */
export const LINES = {
  'key compare': ({ cached }) => {
    const image = new Image()
    const run = ['compareKeys', image.put(Buffer.concat(shuffledKeys(cached))), KEY_BYTES, cached]
    return { image, run, operations: cached - 1 }
  },
  'varint write': ({ cached }) => {
    const image = new Image()
    const values = image.put(lengths(cached))
    const to = image.room(8 * cached)
    return {
      image,
      run: ['writeVarints', values, cached, to],
      operations: cached,
      output: [to, 5 * cached],
    }
  },
  'varint read': ({ cached }) => {
    const image = new Image()
    const from = image.room(8 * cached)
    const bytes = image.twins.writeVarints(image.put(lengths(cached)), cached, from)
    return { image, run: ['readVarints', from, from + bytes], operations: cached }
  },
  'skiplist insert random': ({ entries }) => filled(shuffledKeys(entries)),
  'skiplist insert sequential': ({ entries }) => filled(sequentialKeys(entries)),
  'skiplist lookup': ({ entries }) => {
    const { image, run: prepare } = filled(shuffledKeys(entries))
    const keys = image.put(Buffer.concat(shuffledKeys(entries, 3)))
    return { image, prepare, run: ['memtableSeek', keys, KEY_BYTES, entries], operations: entries }
  },
  'skiplist scan': ({ entries }) => {
    const { image, run: prepare } = filled(shuffledKeys(entries))
    return { image, prepare, run: ['memtableScan'], operations: entries }
  },
  'seqno maximum': ({ raises }) => ({
    image: new Image(),
    before: ['resetSeqno', SEQNO_CELL],
    run: ['raiseSeqno', SEQNO_CELL, 1, 1, raises],
    operations: raises,
  }),
  'seqno maximum contended': ({ raises }) => ({
    image: new Image(),
    before: ['resetSeqno', SEQNO_CELL],
    run: ['raiseSeqno', SEQNO_CELL, 1, 2, raises],
    threads: 2,
    operations: raises,
  }),
  'checksum 4 KiB': ({ blocks }) => {
    const image = new Image()
    const random = randomSource(5)
    const bytes = image.put(Uint8Array.from({ length: blocks * BLOCK_BYTES }, () => random() * 256))
    const sums = image.room(8 * blocks)
    const run = ['checksumBlocks', bytes, BLOCK_BYTES, blocks, sums]
    return { image, run, operations: blocks, output: [sums, 8 * blocks] }
  },
  'key hash 16 B': ({ cached }) => {
    const image = new Image()
    const keys = image.put(Buffer.concat(shuffledKeys(cached)))
    const hashes = image.room(8 * cached)
    const run = ['hashKeys', keys, KEY_BYTES, cached, hashes]
    return { image, run, operations: cached, output: [hashes, 8 * cached] }
  },
  'filter add': ({ entries }) => {
    const { image, hashes, filter, filterBytes, run } = filtered(entries)
    return {
      image,
      run: ['filterBuild', hashes, ...run],
      operations: entries,
      output: [filter, filterBytes],
    }
  },
  'filter probe': ({ entries }) => {
    const { image, hashes, run } = filtered(entries)
    image.twins.filterBuild(hashes, ...run)
    // Keys that are there and keys that are not, in random order.
    const asked = shuffledKeys(2 * entries, 3).slice(0, entries)
    const askedHashes = hashed(image, image.put(Buffer.concat(asked)), entries)
    return { image, run: ['filterProbe', askedHashes, ...run], operations: entries }
  },
  'block search': (sizes) => searched('blockSearch', sizes),
  'block search by hash index': (sizes) => searched('blockSearchHashed', sizes),
  'block build': ({ blocks }) => {
    const { image, run, directory, to } = blocksOf(blocks)
    return {
      image,
      run,
      operations: blocks,
      output: [directory, to + blocks * BLOCK_BYTES - directory],
    }
  },
  'merge of 4 runs': ({ entries }) => {
    const image = new Image()
    const random = randomSource(6)
    const keys = image.put(Buffer.concat(sequentialKeys(entries)))
    const numbers = image.put(Uint8Array.from({ length: entries }, () => random() * 4))
    const prepare = ['mergePrepare', keys, KEY_BYTES, valuesOf(image), VALUE_BYTES, entries, numbers, 4]
    const chunk = image.room(2 * CHUNK_BYTES)
    const run = ['mergeRuns', SLOT, chunk, CHUNK_BYTES]
    // NOTE: behind a chunk's last entry may be whatever.
    return { image, prepare, run, operations: entries, output: [chunk, CHUNK_BYTES / 4] }
  },
  'lz4 compress 4 KiB': ({ blocks }) => {
    const { image, compress, to } = compressedOf(blocks)
    const bytes = image.word(compress[1] + 4)
    return { image, run: compress, operations: blocks, output: [to, Math.floor(bytes / 4)] }
  },
  'lz4 decompress 4 KiB': ({ blocks }) => {
    const { image, compress, directory, to, lengths } = compressedOf(blocks)
    const [name, ...given] = compress
    image.twins[name](...given)
    const raw = image.room((blocks + 1) * BLOCK_ROOM)
    return {
      image,
      run: ['decompressBlocks', directory, blocks, to, BLOCK_ROOM, lengths, raw],
      operations: blocks,
      output: [raw, BLOCK_BYTES],
    }
  },
}

/** Values as varints have them: most below 128, like lengths; some of up to 28 bits. */
function lengths(count) {
  const random = randomSource(4)
  return Uint32Array.from({ length: count }, () => {
    const bits = random() < 0.7 ? 7 : random() < 0.7 ? 14 : 28
    return random() * 2 ** bits
  })
}

function valuesOf(image) {
  return image.put(Buffer.concat(halfCompressibleValues(VALUES, VALUE_BYTES)))
}

function filled(keys) {
  const image = new Image()
  const run = [
    'memtableFill',
    image.put(Buffer.concat(keys)),
    KEY_BYTES,
    valuesOf(image),
    VALUE_BYTES,
    keys.length,
  ]
  return { image, run, operations: keys.length }
}

function hashed(image, keys, count) {
  const hashes = image.room(8 * count)
  image.twins.hashKeys(keys, KEY_BYTES, count, hashes)
  return hashes
}

function filtered(entries) {
  const image = new Image()
  const hashes = hashed(image, image.put(Buffer.concat(shuffledKeys(entries))), entries)
  const lines = Math.ceil((entries * FILTER_BITS_PER_KEY) / LINE_BITS)
  const filterBytes = (lines * LINE_BITS) / 8
  const filter = image.room(filterBytes)
  return { image, hashes, filter, filterBytes, run: [entries, filter, lines, FILTER_PROBES] }
}

/** Keys and values for so many blocks, and how they are built. */
function blocksOf(blocks) {
  const image = new Image()
  // NOTE: somewhat more than a block's entries of them; what is left over makes another, short block.
  const count = blocks * Math.ceil(BLOCK_BYTES / (KEY_BYTES / 2 + VALUE_BYTES))
  const keys = image.put(Buffer.concat(sequentialKeys(count * KEY_STEP).filter((_, i) => i % KEY_STEP === 0)))
  const hashes = hashed(image, keys, count)
  const values = valuesOf(image)
  const writer = image.room(131_072)
  const directory = image.room(16 * blocks)
  const to = image.room(2 * blocks * BLOCK_BYTES)
  const run = ['blockBuild', keys, KEY_BYTES, hashes, values, VALUE_BYTES, count, BLOCK_BYTES]
  run.push(RESTART_INTERVAL, writer, directory, to)
  return { image, count, keys, hashes, directory, to, run }
}

/** The same with the blocks built; how many there are. */
function builtOf(blocks) {
  const all = blocksOf(blocks)
  const [name, ...given] = all.run
  return { ...all, built: all.image.twins[name](...given) }
}

function searched(name, { blocks, cached }) {
  const { image, count, keys, hashes, directory, built } = builtOf(blocks)
  const blockOf = []
  for (let block = 0; block < built; block++) {
    const payload = image.word(directory + 8 * block)
    const length = image.word(directory + 8 * block + 4)
    const entries = image.word(payload + length - TRAILER_BYTES + TRAILER_ENTRIES)
    for (let i = 0; i < entries; i++) blockOf.push([payload, length])
  }
  const random = randomSource(7)
  const lookups = new Uint32Array(6 * cached)
  for (let i = 0; i < cached; i++) {
    const entry = Math.floor(random() * count)
    const hash = image.words(hashes + 8 * entry, 2)
    lookups.set([...blockOf[entry], keys + KEY_BYTES * entry, 0, ...hash], 6 * i)
  }
  return { image, run: [name, SLOT, image.put(lookups), cached, KEY_BYTES], operations: cached }
}

function compressedOf(blocks) {
  const { image, directory, built } = builtOf(blocks)
  if (built < blocks) throw new RangeError('too few blocks')
  const to = image.room(blocks * BLOCK_ROOM)
  const lengths = image.room(4 * blocks)
  const scratch = image.room(LZ4_SCRATCH_BYTES)
  return {
    image,
    directory,
    to,
    lengths,
    compress: ['compressBlocks', directory, blocks, to, BLOCK_ROOM, lengths, scratch],
  }
}
