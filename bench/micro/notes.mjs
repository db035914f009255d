/** What is to be known of a line: `always`, and `slower` where the twin is not: why Wasm stays. */
export const NOTES = {
  'seqno maximum': {
    always:
      'twin: Atomics on 64-bit words, the only atomic access of JavaScript to a seqno, which has 53 bits',
  },
}
