// Small charts as SVG: they need no script, they print, and a test can read them as text.

export interface Bar {
  readonly name: string
  readonly value: number
  readonly text: string
}

export interface Line {
  readonly name: string
  readonly points: ReadonlyArray<readonly [x: number, y: number]>
}

const WIDTH = 720
const NAME_WIDTH = 220
const VALUE_WIDTH = 120
const BAR_HEIGHT = 22
const TITLE_HEIGHT = 36
const PLOT_HEIGHT = 240
const MARGIN = 48
const COLORS = ["#2563eb", "#d97706", "#059669", "#dc2626", "#7c3aed"] as const

const escape = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")

const label = (x: number, y: number, text: string, more = ""): string =>
  `<text x="${x}" y="${y}" ${more}>${escape(text)}</text>`

const frame = (height: number, title: string, body: ReadonlyArray<string>): string =>
  [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" ` +
      `font-family="system-ui, sans-serif" font-size="13" fill="#374151">`,
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    label(12, 22, title, 'font-weight="600" fill="#111827"'),
    ...body,
    "</svg>\n",
  ].join("\n")

/** One bar a system, longest value full width. */
export const barChart = (title: string, bars: ReadonlyArray<Bar>): string => {
  const most = Math.max(Number.MIN_VALUE, ...bars.map(({ value }) => value))
  const room = WIDTH - NAME_WIDTH - VALUE_WIDTH
  const body = bars.flatMap(({ name, value, text }, at) => {
    const y = TITLE_HEIGHT + at * BAR_HEIGHT
    const width = Math.max(1, (value / most) * room)
    return [
      label(NAME_WIDTH - 8, y + 15, name, 'text-anchor="end"'),
      `<rect x="${NAME_WIDTH}" y="${y + 3}" width="${width.toFixed(1)}" ` +
        `height="${BAR_HEIGHT - 7}" fill="${COLORS[0]}"/>`,
      label(NAME_WIDTH + width + 6, y + 15, text),
    ]
  })
  return frame(TITLE_HEIGHT + bars.length * BAR_HEIGHT + 12, title, body)
}

/** Values over time, from 0 on. */
export const lineChart = (title: string, across: string, lines: ReadonlyArray<Line>): string => {
  const all = lines.flatMap(({ points }) => points)
  const xMost = Math.max(Number.MIN_VALUE, ...all.map(([x]) => x))
  const yMost = Math.max(Number.MIN_VALUE, ...all.map(([, y]) => y))
  const bottom = TITLE_HEIGHT + PLOT_HEIGHT
  const place = ([x, y]: readonly [number, number]) => {
    const px = MARGIN + (x / xMost) * (WIDTH - 2 * MARGIN)
    return `${px.toFixed(1)},${(bottom - (y / yMost) * PLOT_HEIGHT).toFixed(1)}`
  }
  const body = lines.flatMap(({ name, points }, at) => {
    const color = COLORS[at % COLORS.length]
    return [
      `<polyline fill="none" stroke="${color}" stroke-width="1.5" ` +
        `points="${points.map(place).join(" ")}"/>`,
      label(MARGIN + at * 150, bottom + 36, name, `fill="${color}"`),
    ]
  })
  return frame(bottom + 48, title, [
    `<path d="M${MARGIN} ${TITLE_HEIGHT}V${bottom}H${WIDTH - MARGIN}" ` +
      `fill="none" stroke="#9ca3af"/>`,
    label(MARGIN - 6, TITLE_HEIGHT + 10, yMost.toPrecision(3), 'text-anchor="end"'),
    label(MARGIN - 6, bottom, "0", 'text-anchor="end"'),
    label(WIDTH - MARGIN, bottom + 18, `${xMost.toPrecision(3)} ${across}`, 'text-anchor="end"'),
    ...body,
  ])
}
