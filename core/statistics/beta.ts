// The incomplete beta integral and the distributions that follow from it: Student's t, binomial.
import { logGamma } from "./gamma.ts"

const FRACTION_TERMS_MAX = 100_000
const TINY = 1e-300

const fraction = (x: number, a: number, b: number): number => {
  let c = 1
  let d = 1 - ((a + b) * x) / (a + 1)
  d = 1 / (Math.abs(d) < TINY ? TINY : d)
  let h = d
  const step = (numerator: number): number => {
    d = 1 + numerator * d
    d = 1 / (Math.abs(d) < TINY ? TINY : d)
    c = 1 + numerator / c
    if (Math.abs(c) < TINY) c = TINY
    h *= d * c
    return d * c
  }
  for (let m = 1; m < FRACTION_TERMS_MAX; m++) {
    step((m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m)))
    const delta = step((-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1)))
    if (Math.abs(delta - 1) < 1e-16) break
  }
  return h
}

/** I_x(a, b), the regularised incomplete beta function (Abramowitz & Stegun 26.5.8, Lentz). */
export const incompleteBeta = (x: number, a: number, b: number): number => {
  if (x <= 0) return 0
  if (x >= 1) return 1
  const logFront =
    logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x)
  return x < (a + 1) / (a + b + 2)
    ? (Math.exp(logFront) * fraction(x, a, b)) / a
    : 1 - (Math.exp(logFront) * fraction(1 - x, b, a)) / b
}

/** P(X ≤ k) for X binomial with n trials of probability p. */
export const binomialBelow = (k: number, n: number, p: number): number => {
  if (k < 0) return 0
  if (k >= n) return 1
  return incompleteBeta(1 - p, n - Math.floor(k), Math.floor(k) + 1)
}

/** P(|T| > |t|) of Student's t distribution. */
export const studentTwoSided = (t: number, freedom: number): number =>
  incompleteBeta(freedom / (freedom + t * t), freedom / 2, 0.5)
