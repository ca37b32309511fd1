// The extension `classification`: in place of an output its best classes, each as the text
// "value:index" or "value:index:label".
import type { Signature } from "#proto/signature"
import { elementCount, type Tensor } from "#proto/tensor"
import { BadRequest } from "./bad-request.ts"
import { encodeTexts } from "./string-elements.ts"
import { isFloat, viewOf } from "./typed-views.ts"

/** From here on `toFixed` writes an exponent. */
const FIXED_MAX = 1e21

/** As C's `%f` and `%d` write it, which is what clients of other servers parse. */
const valueText = (value: number | bigint, float: boolean): string => {
  if (typeof value === "bigint" || !float) return `${value}`
  if (Number.isNaN(value)) return "nan"
  if (!Number.isFinite(value)) return value < 0 ? "-inf" : "inf"
  return Math.abs(value) < FIXED_MAX ? value.toFixed(6) : `${BigInt(value)}.000000`
}

type Ranked = readonly [value: number | bigint, index: number]

/** Best first, equal ones by their index, NaN last. */
const byValue = ([a, at]: Ranked, [b, other]: Ranked): number => {
  if (a > b || (b !== b && a === a)) return -1
  if (a < b || (a !== a && b === b)) return 1
  return at - other
}

/**
 * The `count` best classes of each row of an output, or of all of it where the model takes no rows:
 * BYTES of shape [rows, count] or [count]. Labels are the signature's classes where it has one for
 * each value.
 */
export const classify = (
  output: Tensor,
  count: number,
  signature: Signature,
): Tensor | BadRequest => {
  const { name, datatype, shape } = output
  if (datatype === "BYTES" || datatype === "BOOL")
    return new BadRequest(
      `outputs.${name}.parameters.classification`,
      "an output of numbers",
      datatype,
    )
  const elements = elementCount(shape)
  const hasRows = signature.batching && shape.length > 0
  const rows = hasRows ? (shape[0] ?? 1) : 1
  const width = rows === 0 ? 0 : elements / rows
  const best = Math.min(count, width)
  const { classes } = signature
  const labels = classes?.length === width ? classes : undefined
  const values = viewOf(output, elements)
  const float = isFloat(values)
  const texts: Array<string> = []
  for (let row = 0; row < rows; row++) {
    const ranked: Array<Ranked> = []
    for (let index = 0; index < width; index++)
      ranked.push([values[row * width + index] ?? 0, index])
    for (const [value, index] of ranked.sort(byValue).slice(0, best)) {
      const label = labels === undefined ? "" : `:${labels[index]}`
      texts.push(`${valueText(value, float)}:${index}${label}`)
    }
  }
  return {
    name,
    datatype: "BYTES",
    shape: hasRows ? [rows, best] : [best],
    data: encodeTexts(texts),
  }
}
