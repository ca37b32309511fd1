// The distribution of the one-sample two-sided Kolmogorov-Smirnov statistic, which SciPy also takes
// as the asymptotic law of the two-sample one (`scipy.stats.kstwo`).
import { logGamma } from "./gamma.ts"

const clip = (probability: number): number => Math.min(1, Math.max(0, probability))

/** Below this size the exact matrix law is used wherever the one-sided tail does not suffice. */
const SMALL_SIZE = 140
/** Above this size the Pelz-Good series is as exact as the matrix law and far cheaper. */
const MATRIX_SIZE_MAX = 1_000

/**
 * P(D⁺ ≥ x) for n points: x·Σ_j C(n,j)(x+j/n)^(j-1)(1-x-j/n)^(n-j) over j ≤ n(1-x), in logarithms
 * (Birnbaum & Tingey 1951). Relative error below 1e-11.
 */
export const smirnovTail = (n: number, x: number): number => {
  const last = Math.floor(n * (1 - x))
  let sum = 0
  let logChoose = 0
  for (let j = 0; j <= last; j++) {
    const below = x + j / n
    const above = 1 - below
    if (above > 0) {
      const log = logChoose + (j - 1) * Math.log(below) + (n - j) * Math.log(above)
      if (log > -745) sum += Math.exp(log)
    } else if (j === n) sum += below ** (j - 1)
    logChoose += Math.log((n - j) / (j + 1))
  }
  return Math.min(1, x * sum)
}

/** The matrix of Durbin (1973), row-major, and its side 2k - 1. */
const durbinMatrix = (n: number, x: number) => {
  const k = Math.floor(n * x) + 1
  const side = 2 * k - 1
  const h = k - n * x
  const matrix = new Float64Array(side * side)
  for (let i = 0; i < side; i++)
    for (let j = 0; j < side; j++) matrix[i * side + j] = i - j + 1 < 0 ? 0 : 1
  for (let i = 0; i < side; i++) {
    matrix[i * side]! -= h ** (i + 1)
    matrix[(side - 1) * side + i]! -= h ** (side - i)
  }
  matrix[(side - 1) * side]! += 2 * h - 1 > 0 ? (2 * h - 1) ** side : 0
  for (let i = 0; i < side; i++) {
    for (let j = 0; j <= i; j++) {
      // In logarithms, because the factorial of a large side overflows.
      matrix[i * side + j]! *= Math.exp(-logGamma(i - j + 2))
    }
  }
  return { matrix, side, k }
}

/** P(D < x) by Marsaglia, Tsang & Wang (2003): one entry of the n-th power, row by matrix. */
const matrixBelow = (n: number, x: number): number => {
  const { matrix, side, k } = durbinMatrix(n, x)
  let row = new Float64Array(side)
  let next = new Float64Array(side)
  row[k - 1] = 1
  let log = 0
  for (let step = 1; step <= n; step++) {
    next.fill(0)
    for (let i = 0; i < side; i++) {
      const weight = (row[i]! * step) / n
      if (weight === 0) continue
      const end = Math.min(side, i + 2)
      for (let j = 0; j < end; j++) next[j]! += weight * matrix[i * side + j]!
    }
    ;[row, next] = [next, row]
    let largest = 0
    for (let i = 0; i < side; i++) if (row[i]! > largest) largest = row[i]!
    if (largest < 1e-140 || largest > 1e140) {
      const decades = largest < 1 ? -140 : 140
      for (let i = 0; i < side; i++) row[i]! *= 10 ** -decades
      log += decades
    }
  }
  return row[k - 1]! * 10 ** log
}

/** P(D < x) by the series K0 + K1/√n + K2/n + K3/n^1.5 of Pelz & Good (1976). */
const pelzGoodBelow = (n: number, x: number): number => {
  const z = Math.sqrt(n) * x
  const z2 = z * z
  const z4 = z2 * z2
  const z6 = z4 * z2
  const pi2 = Math.PI ** 2
  const pi4 = pi2 * pi2
  const pi6 = pi4 * pi2
  const sums = [0, 0, 0, 0]
  const last = Math.ceil((16 * z) / Math.PI)
  for (let k = last; k >= 1; k--) {
    const m2 = (2 * k - 1) ** 2
    const weight = Math.exp((-pi2 * m2) / (8 * z2))
    sums[0]! += weight
    sums[1]! += weight * (-z2 + (pi2 / 4) * m2)
    sums[2]! +=
      weight *
      (6 * z6 + 2 * z4 + ((2 * z4 - 5 * z2) * pi2 * m2) / 4 + (pi4 * (1 - 2 * z2) * m2 * m2) / 16)
    sums[3]! +=
      weight *
      (-30 * z6 -
        90 * z4 * z4 +
        ((135 * z4 - 96 * z6) * pi2 * m2) / 4 +
        ((212 * z4 - 60 * z2) * pi4 * m2 * m2) / 16 +
        (pi6 * (5 - 30 * z2) * m2 ** 3) / 64)
  }
  let extra2 = 0
  let extra3 = 0
  for (let k = last; k >= 1; k--) {
    const k2 = k * k
    const weight = k2 * Math.exp((-pi2 * k2) / (2 * z2))
    extra2 += weight
    extra3 += weight * (3 * z2 - pi2 * k2)
  }
  const root = Math.sqrt(2 * Math.PI)
  const k0 = (root / z) * sums[0]!
  const k1 = (root / (6 * z4)) * sums[1]!
  const k2 = root * (sums[2]! / (72 * z6 * z) - (pi2 * extra2) / (36 * z2 * z))
  const k3 = root * (sums[3]! / (6480 * z6 * z4) + (pi2 * extra3) / (216 * z6))
  const rootN = Math.sqrt(n)
  return k0 + k1 / rootN + k2 / n + k3 / (n * rootN)
}

/**
 * P(D_n ≥ x), as `scipy.stats.kstwo.sf`, choosing among exact laws and series as Simard & L'Ecuyer
 * (2011) do. NaN for n < 1. Within 1e-10 of SciPy, in the tail relative 1e-9.
 */
export const kolmogorovTail = (x: number, n: number): number => {
  if (!(n >= 1)) return NaN
  if (x >= 1) return 0
  if (x <= 0) return 1
  const t = n * x
  if (t <= 0.5) return 1
  if (t <= 1) return 1 - Math.exp(logGamma(n + 1) - n * Math.log(n) + n * Math.log(2 * t - 1))
  if (t >= n - 1) return 2 * (1 - x) ** n
  if (x >= 0.5) return 2 * smirnovTail(n, x)
  const scale = t * x
  if (n <= SMALL_SIZE) return scale > 4 ? 2 * smirnovTail(n, x) : clip(1 - matrixBelow(n, x))
  if (scale >= 370) return 0
  if (scale >= 2.2) return clip(2 * smirnovTail(n, x))
  const central = n <= MATRIX_SIZE_MAX && n * x ** 1.5 <= 1.4
  return clip(1 - (central ? matrixBelow(n, x) : pelzGoodBelow(n, x)))
}
