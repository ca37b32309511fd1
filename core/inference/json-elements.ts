// What belongs into an element of a tensor, in words, for a JSON value that does not fit.
import type { Datatype } from "#proto/tensor"
import { INTEGER_RANGES } from "./element-store.ts"

/** What a value of the datatype is in JSON, for a sentence. */
const KIND: Readonly<Record<Datatype, string>> = {
  BOOL: "true or false",
  UINT8: "an integer",
  UINT16: "an integer",
  UINT32: "an integer",
  UINT64: "an integer",
  INT8: "an integer",
  INT16: "an integer",
  INT32: "an integer",
  INT64: "an integer",
  FP16: "a finite number",
  FP32: "a finite number",
  FP64: "a finite number",
  BYTES: "a string",
}

const between = (range: readonly [number, number]): string => ` from ${range[0]} to ${range[1]}`

/** What more a value of the right kind has to be. */
const LIMIT: Readonly<Record<Datatype, string>> = {
  BOOL: "",
  UINT8: between(INTEGER_RANGES.UINT8),
  UINT16: between(INTEGER_RANGES.UINT16),
  UINT32: between(INTEGER_RANGES.UINT32),
  UINT64: " from 0 to 18446744073709551615, with all digits",
  INT8: between(INTEGER_RANGES.INT8),
  INT16: between(INTEGER_RANGES.INT16),
  INT32: between(INTEGER_RANGES.INT32),
  INT64: " from -9223372036854775808 to 9223372036854775807, with all digits",
  FP16: " within the range of FP16",
  FP32: " within the range of FP32",
  FP64: " within the range of FP64",
  BYTES: " without lone surrogates or NUL characters",
}

/** What an element should have been, given that it was `value`. */
export const expectedElement = (datatype: Datatype, value: unknown): string => {
  const kind = KIND[datatype]
  const rightKind =
    datatype === "BYTES"
      ? typeof value === "string"
      : kind === "an integer"
        ? typeof value === "bigint" || (typeof value === "number" && Math.trunc(value) === value)
        : typeof value === "number"
  return rightKind ? kind + LIMIT[datatype] : kind
}
