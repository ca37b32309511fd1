// Requests that were delivered before, one of which may be what ended the process that had it: each
// is run alone, in a thread apart, and one that does not end keeps few others waiting.
import { APART_THREADS } from "../core/inference/engine.ts"
import type { Group } from "./batcher.ts"
import type { Work } from "./work.ts"

export class Suspects {
  readonly #run: (group: Group) => Promise<unknown> | undefined
  readonly #waiting: Array<Group> = []
  #running = 0

  /** `run` resolves when the run has ended; undefined when there is nothing to run any more. */
  constructor(run: (group: Group) => Promise<unknown> | undefined) {
    this.#run = run
  }

  add(alone: Group): void {
    this.#waiting.push(alone)
    this.#pump()
  }

  /** Takes out everything that has not begun. */
  clear(): ReadonlyArray<Work> {
    return this.#waiting.splice(0).flatMap(({ works }) => works)
  }

  #pump(): void {
    while (this.#running < APART_THREADS) {
      const next = this.#waiting.shift()
      if (next === undefined) return
      const run = this.#run(next)
      if (run === undefined) continue
      this.#running++
      void run.then(() => {
        this.#running--
        this.#pump()
      })
    }
  }
}
