// Compares what two monitors found by what each finding is about, never by its place in a list: two
// subjects have no common order, and one finding that is missing is one difference.
import {
  driftFindingCodec,
  windowFindingCodec,
  type DriftFinding,
  type WindowFinding,
} from "#proto/finding"

export interface Findings {
  readonly windows: ReadonlyArray<WindowFinding>
  readonly drift: ReadonlyArray<DriftFinding>
}

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes)

/** Bytes of findings by what they are about, but for when they were written. */
type Keyed = ReadonlyArray<readonly [key: string, bytes: string]>

export const keyedWindows = (windows: ReadonlyArray<WindowFinding>): Keyed =>
  windows.map((one) => [
    `${one._tag} ${one.number}`,
    text(windowFindingCodec.encode({ ...one, at: 0 })),
  ])

/** Windows, references and reports in one list. */
export const timeless = ({ windows, drift }: Findings): Keyed => [
  ...keyedWindows(windows),
  ...drift.map(
    (one) => [`report ${one.id}`, text(driftFindingCodec.encode({ ...one, at: 0 }))] as const,
  ),
]

/** Findings that one side has otherwise, more often, or alone; equal keys in their order. */
export const differences = (a: Keyed, b: Keyed): number => {
  const left = Map.groupBy(a, ([key]) => key)
  const right = Map.groupBy(b, ([key]) => key)
  let count = 0
  for (const key of new Set([...left.keys(), ...right.keys()])) {
    const [some, others] = [left.get(key) ?? [], right.get(key) ?? []]
    const length = Math.max(some.length, others.length)
    for (let at = 0; at < length; at++) if (some[at]?.[1] !== others[at]?.[1]) count++
  }
  return count
}
