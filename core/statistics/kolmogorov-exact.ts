// Exact p-values of the two-sample Kolmogorov-Smirnov statistic, by counting lattice paths. `h` is
// the statistic times the least common multiple of the two sizes.

const LOG_DOUBLE_MAX = Math.log(Number.MAX_VALUE)

/** P(D_{n,n} ≥ h/n), two-sided, for samples of one size (Gnedenko & Korolyuk 1951). */
export const exactEqualSizes = (n: number, h: number): number => {
  let probability = 0
  for (let k = Math.floor(n / h); k >= 0; k--) {
    let ratio = 1
    for (let j = 0; j < h; j++) ratio = ((n - k * h - j) * ratio) / (n + k * h + j + 1)
    probability = ratio * (1 - probability)
  }
  return 2 * probability
}

/** P(D⁺_{n,n} ≥ h/n) = C(2n, n-h)/C(2n, n). */
export const exactEqualSizesOneSided = (n: number, h: number): number => {
  let probability = 1
  for (let j = 0; j < h; j++) probability *= (n - j) / (n + j + 1)
  return probability
}

/**
 * P(D ≥ h/lcm) for sizes m ≥ n: the probability v that a random path to (i, j) has left the band,
 * v(i, j) = (i·v(i-1, j) + j·v(i, j-1))/(i + j) (Viehmann 2021, arXiv 2102.08037). It goes by
 * antidiagonals s = i + j, whose values do not depend on each other. One-sided, the band is open
 * above.
 */
export const exactBand = (
  m: number,
  n: number,
  gcd: number,
  h: number,
  oneSided: boolean,
): number => {
  const mg = m / gcd
  const ng = n / gcd
  const slope = mg + ng
  // left[j] is v(s - j, j), 1 outside the band |i·ng - j·mg| < h; left[0] stands for j = -1.
  const left = new Float64Array(n + 2).fill(1)
  left[1] = 0
  let from = 0
  for (let s = 1; s <= m + n; s++) {
    const low = Math.max(0, s - m, Math.floor((s * ng - h) / slope) + 1)
    const high = Math.min(n, s, oneSided ? n : Math.ceil((s * ng + h) / slope) - 1)
    if (low > high) return 1
    const share = 1 / s
    for (let j = high; j >= low; j--) left[j + 1] = (left[j + 1]! * (s - j) + left[j]! * j) * share
    // What the band leaves behind stays outside for every later antidiagonal.
    for (; from < low; from++) left[from + 1] = 1
  }
  return left[n + 1]!
}

/** Whether SciPy's count of one-sided paths fits a double; where not, it goes asymptotic. */
export const pathsFitDouble = (logPaths: number): boolean => logPaths < LOG_DOUBLE_MAX
