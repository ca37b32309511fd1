// One line of CSV (RFC 4180) into its cells. A cell that goes over several lines is refused: what
// comes as a stream of lines must be right or wrong line by line.

/** The cells, or undefined for a line with a quote that is not closed or stands inside a cell. */
export const csvCells = (line: string): ReadonlyArray<string> | undefined => {
  const text = line.endsWith("\r") ? line.slice(0, -1) : line
  const cells: Array<string> = []
  let at = 0
  for (;;) {
    if (text[at] === '"') {
      const quoted = /"((?:[^"]|"")*)"(,|$)/uy
      quoted.lastIndex = at
      const found = quoted.exec(text)
      if (found === null) return undefined
      cells.push((found[1] ?? "").replaceAll('""', '"'))
      if (found[2] === "") return cells
      at = quoted.lastIndex
      continue
    }
    const end = text.indexOf(",", at)
    const cell = text.slice(at, end === -1 ? undefined : end)
    if (cell.includes('"')) return undefined
    cells.push(cell)
    if (end === -1) return cells
    at = end + 1
  }
}
