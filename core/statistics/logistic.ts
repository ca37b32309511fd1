// Logistic regression with a ridge penalty by Newton's method, for tests that need a small
// classifier. Rows carry their own constant; this is not the trainer of models.
import type { Rows } from "./rows.ts"
import { StatisticUndefined } from "./undefined.ts"

/** Keeps separable samples finite; small beside the information of a few rows. */
const RIDGE = 1e-3
const STEPS_MAX = 25
const GRADIENT_MAX = 1e-8

const sigmoid = (score: number): number => 1 / (1 + Math.exp(-score))

/** The log-odds of row i. */
export const logisticScore = (rows: Rows, i: number, coefficients: Float64Array): number => {
  let score = 0
  for (let k = 0; k < rows.width; k++) score += rows.values[i * rows.width + k]! * coefficients[k]!
  return score
}

/** Solves A·x = b in place for a positive definite A, row-major, by Cholesky. */
export const solvePositive = (matrix: Float64Array, vector: Float64Array): Float64Array => {
  const n = vector.length
  for (let i = 0; i < n; i++)
    for (let j = 0; j <= i; j++) {
      let sum = matrix[i * n + j]!
      for (let k = 0; k < j; k++) sum -= matrix[i * n + k]! * matrix[j * n + k]!
      if (i === j && !(sum > 0))
        throw new StatisticUndefined({ statistic: "logistic", reason: "features are collinear" })
      matrix[i * n + j] = i === j ? Math.sqrt(sum) : sum / matrix[j * n + j]!
    }
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < i; k++) vector[i]! -= matrix[i * n + k]! * vector[k]!
    vector[i]! /= matrix[i * n + i]!
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let k = i + 1; k < n; k++) vector[i]! -= matrix[k * n + i]! * vector[k]!
    vector[i]! /= matrix[i * n + i]!
  }
  return vector
}

/** The coefficients that make labels 0 and 1 likeliest, each row counted by its weight. */
export const fitLogistic = (
  rows: Rows,
  labels: Float64Array,
  weights: Float64Array,
): Float64Array => {
  const { values, width } = rows
  const coefficients = new Float64Array(width)
  for (let step = 0; step < STEPS_MAX; step++) {
    const hessian = new Float64Array(width * width)
    const gradient = coefficients.map((one) => -RIDGE * one)
    for (let k = 0; k < width; k++) hessian[k * width + k] = RIDGE
    for (let i = 0; i < rows.count; i++) {
      if (weights[i] === 0) continue
      const p = sigmoid(logisticScore(rows, i, coefficients))
      const pull = weights[i]! * (labels[i]! - p)
      const curve = Math.max(weights[i]! * p * (1 - p), 1e-12)
      for (let k = 0; k < width; k++) {
        const value = values[i * width + k]!
        gradient[k]! += pull * value
        const scaled = curve * value
        for (let l = 0; l <= k; l++) hessian[k * width + l]! += scaled * values[i * width + l]!
      }
    }
    const largest = gradient.reduce((most, one) => Math.max(most, Math.abs(one)), 0)
    if (largest < GRADIENT_MAX) break
    solvePositive(hessian, gradient)
    for (let k = 0; k < width; k++) coefficients[k]! += gradient[k]!
  }
  return coefficients
}
