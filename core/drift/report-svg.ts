// The two pictures of a report as SVG: a distribution over another, and an effect over time.
import type { TestOutcome } from "#proto/finding"
import type { Overlay } from "./overlay.ts"

const WIDTH = 440
const HEIGHT = 90
const LABELS_HEIGHT = 14
/** More windows than this are drawn in groups, each by its largest effect. */
const POINTS_MAX = 100
const DIGITS = 1

const at = (value: number): string => String(Number(value.toFixed(DIGITS)))

const escapeText = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")

const frame = (inner: string): string =>
  `<svg width=${WIDTH} height=${HEIGHT + LABELS_HEIGHT} role=img>${inner}</svg>`

const TEXT_Y = HEIGHT + LABELS_HEIGHT - 3

const under = (x: number, text: string, anchor: "start" | "middle" | "end"): string =>
  `<text x=${at(x)} y=${TEXT_Y} text-anchor=${anchor}>${escapeText(text)}</text>`

/** Bars for the reference, a line for the window. */
export const picture = ({ edges, labels, reference, window }: Overlay): string => {
  const most = Math.max(...reference, ...window, Number.EPSILON)
  const width = WIDTH / reference.length
  const y = (share: number) => HEIGHT - (share / most) * (HEIGHT - 2)
  const bars = reference.map((share, i) => {
    const place = `x=${at(i * width)} y=${at(y(share))}`
    const size = `width=${at(width - 1)} height=${at(HEIGHT - y(share))}`
    return share === 0 ? "" : `<rect class=r ${place} ${size} />`
  })
  const steps = window.map(
    (share, i) =>
      `${i === 0 ? "M" : "L"}${at(i * width)} ${at(y(share))}H${at((i + 1) * width - 1)}`,
  )
  const names =
    edges === undefined
      ? labels.map((label, i) =>
          under((i + 0.5) * width, label.slice(0, Math.max(3, Math.floor(width / 6))), "middle"),
        )
      : [under(0, String(edges[0] ?? ""), "start"), under(WIDTH, String(edges.at(-1) ?? ""), "end")]
  return frame(`${bars.join("")}<path class=w d="${steps.join("")}" />${names.join("")}`)
}

interface Point {
  readonly effect: number
  readonly drifted: boolean
}

/** Groups of neighbours, each as its largest effect. */
const thin = (points: ReadonlyArray<Point | undefined>): ReadonlyArray<Point | undefined> => {
  if (points.length <= POINTS_MAX) return points
  const size = points.length / POINTS_MAX
  return Array.from({ length: POINTS_MAX }, (_, group) =>
    points.slice(Math.floor(group * size), Math.floor((group + 1) * size)).reduce((worst, one) => {
      if (worst === undefined || one === undefined) return worst ?? one
      const effect = Math.max(worst.effect, one.effect)
      return { effect, drifted: worst.drifted || one.drifted }
    }, undefined),
  )
}

/** The effect window by window, with the least effect that counts; windows that drifted are red. */
export const timeline = (outcomes: ReadonlyArray<TestOutcome | undefined>): string => {
  const points = thin(
    outcomes.map((one) =>
      one?.effect === undefined ? undefined : { effect: one.effect, drifted: one.drifted },
    ),
  )
  const last = outcomes.findLast((one) => one?.effect !== undefined)
  const least = last?.effectMin ?? (last?.pvalue === undefined ? last?.threshold : undefined)
  const most = Math.max(...points.map((one) => one?.effect ?? 0), least ?? 0, Number.EPSILON)
  const x = (i: number) => 4 + (i * (WIDTH - 8)) / Math.max(1, points.length - 1)
  const y = (effect: number) => HEIGHT - 4 - (effect / most) * (HEIGHT - 8)
  const dots = points.map((one, i) =>
    one === undefined
      ? ""
      : `<circle class=${one.drifted ? "h" : "p"} cx=${at(x(i))} cy=${at(y(one.effect))} r=2.5 />`,
  )
  const line =
    least === undefined
      ? ""
      : `<line class=t x1=0 x2=${WIDTH} y1=${at(y(least))} y2=${at(y(least))} />`
  return frame(
    `${line}${dots.join("")}${under(0, `largest ${Number(most.toPrecision(3))}`, "start")}`,
  )
}
