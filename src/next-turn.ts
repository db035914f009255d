/** Resolves in the next turn of the event loop: timers, input and output have had theirs. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    if (typeof setImmediate === 'function') setImmediate(resolve)
    else afterMessage(resolve)
  })
}

let channel: MessageChannel | undefined
let waiting: (() => void)[] = []

/** NOTE: browsers make timers wait for 4 ms; a message of one's own comes as soon as it can. */
function afterMessage(step: () => void): void {
  waiting.push(step)
  if (channel === undefined) {
    channel = new MessageChannel()
    channel.port1.onmessage = () => {
      const steps = waiting
      waiting = []
      for (const each of steps) each()
    }
  }
  if (waiting.length === 1) channel.port2.postMessage(undefined)
}
