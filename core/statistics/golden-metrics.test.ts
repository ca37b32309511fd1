import { expect } from "bun:test"
import { binsByCount, binsByWidth, calibrationError } from "./calibration.ts"
import {
  accuracy,
  averagePrecision,
  balancedAccuracy,
  binaryLogLoss,
  brier,
  classCounts,
  confusion,
  f1Average,
  logLoss,
  matthews,
  rocAuc,
  rocAucOneVersusOne,
  rocAucOneVersusRest,
} from "./classification.ts"
import { mcNemar } from "./comparison.ts"
import { goldenTest } from "./golden-test.ts"
import { golden, rows, sample } from "./vectors.ts"
import { regressionQuality } from "./regression.ts"

const binary = (y: Float64Array, p: Float64Array, threshold: number) => {
  const counts = confusion(
    y,
    p.map((one) => Number(one >= threshold)),
    2,
  )
  const width = calibrationError(binsByWidth(y, p))
  const count = calibrationError(binsByCount(y, p))
  return {
    ...classCounts(counts, 1),
    accuracy: accuracy(counts),
    log_loss: binaryLogLoss(y, p),
    brier: brier(y, p),
    confusion: counts.map((row) => [...row]),
    mcc: matthews(counts),
    balanced_accuracy: balancedAccuracy(counts),
    roc_auc: rocAuc(y, p),
    average_precision: averagePrecision(y, p),
    ece_width10: width.expected,
    mce_width10: width.largest,
    ece_count10: count.expected,
    mce_count10: count.largest,
  }
}

const multiclass = (y: Float64Array, P: ReadonlyArray<ReadonlyArray<number>>) => {
  const classes = P[0]?.length ?? 0
  const counts = confusion(
    y,
    P.map((row) => row.indexOf(Math.max(...row))),
    classes,
  )
  const byClass = Array.from({ length: classes }, (_, k) =>
    Float64Array.from(P, (row) => row[k] ?? NaN),
  )
  return {
    accuracy: accuracy(counts),
    f1_macro: f1Average(counts, "macro"),
    f1_weighted: f1Average(counts, "weighted"),
    f1_micro: f1Average(counts, "micro"),
    log_loss: logLoss(y, (i, label) => P[i]?.[label] ?? NaN),
    roc_auc_ovr_macro: rocAucOneVersusRest(y, byClass),
    roc_auc_ovo_macro: rocAucOneVersusOne(y, byClass),
    confusion: counts.map((row) => [...row]),
  }
}

goldenTest(
  "metrics.json",
  Bun.env["WEIR_GOLDEN"],
  "metrics of quality agree with scikit-learn and statsmodels",
  () => {
    const differences = golden("metrics.json", Bun.env["WEIR_GOLDEN"], (input) => {
      if (input["only_first_right"] !== undefined) {
        const result = mcNemar(
          Number(input["only_first_right"]),
          Number(input["only_second_right"]),
        )
        const { exact, midP: mid_p, corrected: chi2_corrected, plain: chi2_plain } = result
        return { exact, mid_p, chi2_corrected, chi2_plain }
      }
      const y = sample(input["y"])
      if (input["P"] !== undefined) return multiclass(y, rows(input["P"]))
      if (input["p"] !== undefined)
        return binary(y, sample(input["p"]), Number(input["threshold"] ?? 0.5))
      const quality = regressionQuality(y, sample(input["prediction"]))
      return { ...quality, median_ae: quality.medianAbsoluteError }
    })
    expect(differences).toEqual([])
  },
)
