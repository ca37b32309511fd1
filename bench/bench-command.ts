// What one bench is: a name behind `weir bench`, and a way to measure that gives findings. Printing
// and writing them is main.ts's work.
import type { Findings } from "./report/report.ts"

export interface BenchOptions {
  /** Seconds of each measured cell; each bench has its own default. */
  readonly seconds: number | undefined
  /** Seconds before each cell that are not recorded. */
  readonly warmUpSeconds: number | undefined
  /** How often a pair is repeated. */
  readonly rounds: number | undefined
  /** Connections of a profile, a pair. */
  readonly callers: number | undefined
  /** Requests a second of a soak; 70 % of the saturation found when left out. */
  readonly rate: number | undefined
  /** Names of peers; all when empty. */
  readonly only: ReadonlyArray<string>
  /** Installs what is missing of the peers, and measures nothing. */
  readonly setUpOnly: boolean
  /** A and B of a pair. */
  readonly words: ReadonlyArray<string>
  readonly say: (line: string) => void
}

export interface Bench {
  readonly name: string
  readonly summary: string
  readonly run: (options: BenchOptions) => Promise<Findings>
}
