// What the monitor and its evaluation thread say to each other. Windows are answered in order.
import type { Evaluation } from "../core/drift/evaluate.ts"
import type { Remembered } from "../core/drift/online.ts"
import type { DriftSettings } from "../core/drift/settings.ts"
import type { Table } from "../core/drift/table.ts"

export type ToEvaluation =
  /** What the windows under this name are compared with from now on. */
  | {
      readonly type: "reference"
      readonly name: string
      readonly table: Table
      readonly settings: DriftSettings
    }
  | { readonly type: "forget"; readonly name: string }
  | {
      readonly type: "window"
      readonly job: number
      readonly name: string
      readonly table: Table
      readonly seed: number
      /** What detectors over the stream remembered of the windows before. */
      readonly online: Remembered
    }
  | { readonly type: "close" }

export type FromEvaluation =
  | {
      readonly type: "evaluated"
      readonly job: number
      readonly evaluation: Evaluation
      readonly millis: number
    }
  | { readonly type: "failed"; readonly job: number; readonly reason: string }

/** The buffers of a table: they move to the other thread instead of being copied there. */
export const buffersOf = (table: Table): Array<ArrayBuffer> =>
  table.columns.flatMap((column) => {
    const { buffer } = column.kind === "numeric" ? column.values : column.codes
    return buffer instanceof ArrayBuffer ? [buffer] : []
  })
