import type { Engine } from '../engine/engine.ts'

/** Engines that are open on this thread, for the exit hook. */
const openEngines = new Set<Engine>()

/** `onClose` is called when the engine is closed. */
export function noteOpenEngine(engine: Engine, onClose: () => void = () => {}): void {
  openEngines.add(engine)
  engine.onClose = () => {
    openEngines.delete(engine)
    onClose()
  }
}

/** Hands what is buffered in any open database to the operating system: for the end of the thread. */
export function writeOutAll(): void {
  for (const engine of openEngines) engine.exit()
}
