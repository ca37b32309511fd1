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
 * P(D ≥ h/lcm) for sizes m ≥ n with m/g = `widths.m` and n/g = `widths.n`: the probability that a
 * random path to (i, j) has left the band, v = (i·v(i-1, j) + j·v(i, j-1))/(i + j), one column at a
 * time (Viehmann 2021, arXiv 2102.08037). One-sided, the band is open below.
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
  // column[j] is the probability of having left by (i, j); outside the band it is 1.
  const column = new Float64Array(n + 2).fill(1)
  const top = (i: number) =>
    oneSided ? n + 1 : Math.min(n + 1, Math.max(0, Math.ceil((ng * i + h) / mg)))
  const bottom = (i: number) => Math.max(0, Math.floor((ng * i - h) / mg) + 1)
  column.fill(0, 0, top(0))
  let from = 0
  for (let i = 1; i <= m; i++) {
    const to = top(i)
    const start = bottom(i)
    // What the band leaves behind stays outside for every later column.
    for (let j = from; j < Math.min(start, n + 1); j++) column[j] = 1
    from = start
    if (start >= to) return 1
    let value = start === 0 ? 0 : 1
    for (let j = start; j < to; j++) {
      value = (column[j]! * i + value * j) / (i + j)
      column[j] = value
    }
  }
  return column[n]!
}

/** Whether SciPy's count of one-sided paths fits a double; where it does not, it goes asymptotic. */
export const pathsFitDouble = (logPaths: number): boolean => logPaths < LOG_DOUBLE_MAX
