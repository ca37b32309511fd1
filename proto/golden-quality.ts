// One example of each finding about quality, as the golden bytes show it.
import type { RecordKind } from "./golden-examples.ts"
import {
  qualityEvaluatedCodec,
  QualityEvaluated,
  QualityReport,
  qualityReportCodec,
  QUALITY_FINDING_FORMAT,
  type ExpectationOutcome,
} from "./quality-finding.ts"

const at = 1_760_000_000_000

const outcome: ExpectationOutcome = {
  key: "0 expect_column_values_to_be_between distance",
  type: "expect_column_values_to_be_between",
  columns: ["distance"],
  severity: "critical",
  success: false,
  unexpectedPercent: 7.5,
}

const common = {
  model: "flights",
  version: "1",
  number: 4,
  window: { from: 1_001, to: 2_004, rows: 1_000, facts: 990, failed: 3 },
  suite: "flights over a window",
  suiteDigest: "c5".repeat(32),
  at,
}

export const qualityFindingRecord: RecordKind<QualityEvaluated> = {
  name: "quality finding",
  format: QUALITY_FINDING_FORMAT,
  schema: QualityEvaluated,
  codec: qualityEvaluatedCodec,
  examples: [
    {
      file: "quality-window-1",
      what: "a window with an expectation that began to fail, and one that has a problem",
      value: {
        _tag: "QualityEvaluated",
        ...common,
        source: 812,
        rows: 1_000,
        outcomes: [
          outcome,
          {
            key: "1 expect_column_mean_to_be_between speed",
            type: "expect_column_mean_to_be_between",
            columns: ["speed"],
            success: false,
            problem: 'the column "speed" does not exist',
          },
          {
            key: "2 expect_column_mean_to_be_between hour",
            type: "expect_column_mean_to_be_between",
            columns: ["hour"],
            success: true,
            observed: 13.25,
          },
        ],
        verdict: "failed",
        failing: [outcome.key, "1 expect_column_mean_to_be_between speed"],
        began: [outcome.key],
        ended: [],
      },
    },
  ],
}

export const qualityReportRecord: RecordKind<QualityReport> = {
  name: "quality report",
  format: QUALITY_FINDING_FORMAT,
  schema: QualityReport,
  codec: qualityReportCodec,
  examples: [
    {
      file: "quality-report-1-failed",
      what: "an expectation that is no longer met",
      value: {
        _tag: "QualityFailed",
        id: "quality-flights-2004",
        ...common,
        expectations: [outcome],
      },
    },
    {
      file: "quality-report-1-recovered",
      what: "an expectation that is met again",
      value: {
        _tag: "QualityRecovered",
        id: "recovered-flights-2004",
        ...common,
        expectations: [{ ...outcome, success: true, unexpectedPercent: 0 }],
      },
    },
  ],
}
