// FP16 and BF16 as numbers and back. The typed arrays of Node 20 and of older browsers have
// neither, so both travel as Uint16Array of bits.

const float = new Float32Array(1)
const bits = new Uint32Array(float.buffer)

const FP16_INFINITY = 0x7c00
const FP16_NAN = 0x7e00
const FP16_MANTISSA_BITS = 10
const FP16_BIAS = 15
const FP32_BIAS = 127
/** Between the mantissas of FP32 and FP16. */
const DROPPED_BITS = 13

/** The low `count` bits of `value` rounded away, to the nearest, ties to even. */
const roundedShift = (value: number, count: number): number => {
  const whole = value >>> count
  const rest = value & ((1 << count) - 1)
  const half = 1 << (count - 1)
  return rest > half || (rest === half && (whole & 1) === 1) ? whole + 1 : whole
}

/** The bits of the FP16 that is nearest (IEEE 754, ties to even); beyond 65519 an infinity. */
export const fp16FromNumber = (value: number): number => {
  float[0] = value
  const whole = bits[0] ?? 0
  const sign = (whole >>> 16) & 0x8000
  const mantissa = whole & 0x7fffff
  const exponent = (whole >>> 23) & 0xff
  if (exponent === 0xff) return sign | (mantissa === 0 ? FP16_INFINITY : FP16_NAN)
  const target = exponent - FP32_BIAS + FP16_BIAS
  if (target >= 0x1f) return sign | FP16_INFINITY
  // A carry out of the mantissa is the next exponent, which is what rounding up means.
  if (target > 0)
    return sign | ((target << FP16_MANTISSA_BITS) + roundedShift(mantissa, DROPPED_BITS))
  if (target < -FP16_MANTISSA_BITS) return sign
  return sign | roundedShift(mantissa | 0x800000, DROPPED_BITS + 1 - target)
}

/** The number of FP16 bits; exact. */
export const fp16ToNumber = (half: number): number => {
  const sign = (half & 0x8000) === 0 ? 1 : -1
  const exponent = (half >>> FP16_MANTISSA_BITS) & 0x1f
  const mantissa = half & 0x3ff
  if (exponent === 0x1f) return mantissa === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN
  if (exponent === 0) return sign * mantissa * 2 ** -24
  return sign * (1 + mantissa / 1024) * 2 ** (exponent - FP16_BIAS)
}

/** The bits of the BF16 that is nearest, ties to even. */
export const bf16FromNumber = (value: number): number => {
  float[0] = value
  const whole = bits[0] ?? 0
  if (Number.isNaN(value)) return (whole >>> 16) | 0x40
  return roundedShift(whole, 16) & 0xffff
}

/** The number of BF16 bits; exact. */
export const bf16ToNumber = (half: number): number => {
  bits[0] = half << 16
  return float[0] ?? 0
}
