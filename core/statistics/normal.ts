// The error function and the normal distribution, exact in both tails.
import { gammaLower, gammaUpper } from "./gamma.ts"

/** The error function, as P(1/2, x²) with the sign of x. */
export const erf = (x: number): number => Math.sign(x) * gammaLower(0.5, x * x)

/** 1 - erf(x) without cancellation for large x. */
export const erfc = (x: number): number =>
  x >= 0 ? gammaUpper(0.5, x * x) : 1 + gammaLower(0.5, x * x)

/** P(Z ≤ z) of the standard normal distribution. */
export const normalBelow = (z: number): number => 0.5 * erfc(-z / Math.SQRT2)

/** P(Z > z) of the standard normal distribution. */
export const normalAbove = (z: number): number => 0.5 * erfc(z / Math.SQRT2)
