// What a demonstration is: a file in cli/show/ that exports `show`. `./weir show` lists and runs
// them.

export interface Show {
  /** One line: what it proves. */
  readonly summary: string
  /** The whole text of `--help`, flags and sizes included. */
  readonly usage: string
  /** Prints its figures; resolves with 0 when they hold and 1 when they do not. */
  readonly run: (args: ReadonlyArray<string>) => Promise<number>
}
