// Which facts make up a window: a fold over facts in the order of their positions. A window takes
// whole facts; the same facts and marks give the same windows wherever the fold was begun anew
// between two windows. It reads no clock: a window of time ends with the first fact after it.
import type { WindowRange } from "#proto/finding"

export type WindowRule =
  | { readonly kind: "rows"; readonly rows: number }
  /** Whole multiples of this since 1970, by when the requests were stored. */
  | { readonly kind: "time"; readonly millis: number }
  /** From one mark to the next. */
  | { readonly kind: "marks" }

/** A fact as the fold sees it. */
export interface Seen {
  readonly position: number
  /** When its request was stored, milliseconds since 1970. */
  readonly at: number
  /** 0 for a fact without an output. */
  readonly rows: number
}

/** A window that nothing is in yet, beginning at a position. */
export const emptyWindow = (from: number): WindowRange => ({
  from,
  to: from - 1,
  rows: 0,
  facts: 0,
  failed: 0,
})

/** The window with one more fact in it. */
export const takeFact = (window: WindowRange, { position, at, rows }: Seen): WindowRange => ({
  from: window.from,
  to: position,
  rows: window.rows + rows,
  facts: window.facts + 1,
  failed: window.failed + (rows === 0 ? 1 : 0),
  firstAt: window.firstAt ?? at,
  lastAt: at,
})

/** Whether the window has what it needs. */
export const isFull = (rule: WindowRule, window: WindowRange): boolean =>
  rule.kind === "rows" && window.rows >= rule.rows

/** The last position of the window when it ends before this fact; `undefined` when it goes on. */
export const endsBefore = (
  rule: WindowRule,
  window: WindowRange,
  seen: Seen,
  marks: ReadonlyArray<number>,
): number | undefined => {
  if (window.facts === 0) return undefined
  if (rule.kind === "time") {
    const bucket = (at: number) => Math.floor(at / rule.millis)
    return bucket(seen.at) > bucket(window.firstAt ?? seen.at) ? window.to : undefined
  }
  return rule.kind === "marks" ? markAfter(window, seen.position - 1, marks) : undefined
}

/** The first mark at or behind the last fact of the window and not behind `position`. */
export const markAfter = (
  window: WindowRange,
  position: number,
  marks: ReadonlyArray<number>,
): number | undefined =>
  window.facts === 0 ? undefined : marks.find((mark) => mark >= window.to && mark <= position)
