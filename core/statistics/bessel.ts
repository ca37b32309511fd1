// The modified Bessel function of the second kind for real order, as the Cramér-von Mises law uses
// it. Only positive arguments.

/** Beyond this exponent a term no longer changes a double. */
const EXPONENT_MAX = 42
const STEP_MAX = 0.2

/**
 * exp(z)·K_ν(z) for z > 0, by the trapezoidal rule on ∫ exp(z - z·cosh t)·cosh(νt) dt (Abramowitz &
 * Stegun 9.6.24). The integrand is analytic, so the rule converges like exp(-1/step): about 1e-15.
 */
export const besselKScaled = (order: number, z: number): number => {
  const step = Math.min(STEP_MAX, 0.6 / Math.sqrt(z))
  let sum = 0.5
  for (let t = step; ; t += step) {
    const half = Math.sinh(t / 2)
    const exponent = 2 * z * half * half
    sum += Math.exp(-exponent) * Math.cosh(order * t)
    if (exponent > EXPONENT_MAX) return sum * step
  }
}
