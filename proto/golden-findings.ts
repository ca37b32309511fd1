// One example of each kind of finding, as the golden bytes show it. The numbers are made up, the
// shapes are those of real windows.
import { DriftReference, referenceCodec, REFERENCE_FORMAT } from "./drift-reference.ts"
import {
  driftFindingCodec,
  DriftFinding,
  FINDING_FORMAT,
  markCodec,
  MarkSet,
  windowFindingCodec,
  WindowFinding,
  type WindowRange,
} from "./finding.ts"
import type { RecordKind } from "./golden-examples.ts"

const at = 1_760_000_000_000
const reference = "a3".repeat(32)
const model = "flights"

const window: WindowRange = {
  from: 1_001,
  to: 2_004,
  rows: 1_000,
  facts: 990,
  failed: 3,
  sampled: 500,
  firstAt: at - 60_000,
  lastAt: at - 1_000,
}

export const windowFindingRecord: RecordKind<WindowFinding> = {
  name: "window finding",
  format: FINDING_FORMAT,
  schema: WindowFinding,
  codec: windowFindingCodec,
  examples: [
    {
      file: "window-1-evaluated",
      what: "a window with a drifted column, one that could not be tested, and a slice",
      value: {
        _tag: "WindowEvaluated",
        model,
        version: "1",
        number: 7,
        window,
        reference,
        configuration: "b4".repeat(32),
        seed: 123_456_789,
        columns: [
          { name: "distance", source: "input", kind: "numeric", nullRate: 0.25 },
          {
            name: "origin",
            source: "input",
            kind: "categorical",
            nullRate: 0,
            referenceNullRate: 0,
            unseenRate: 0.002,
          },
        ],
        tests: [
          {
            feature: "distance",
            test: "ks-asymptotic",
            rows: 750,
            referenceRows: 1_000,
            statistic: 0.31,
            pvalue: 1e-9,
            threshold: 0.005,
            effect: 0.31,
            effectMin: 0.1,
            drifted: true,
          },
          {
            feature: "origin",
            slice: { feature: "weekday", value: "3" },
            test: "chi-squared",
            rows: 12,
            referenceRows: 140,
            drifted: false,
            problem: "12 rows, of at least 100",
          },
        ],
        verdict: "drift",
        persistence: {
          recent: { '["distance",""]': "011" },
          drifting: ['["distance",""]'],
          began: ['["distance",""]'],
          ended: [],
        },
        at,
      },
    },
    {
      file: "window-1-stream",
      what: "a window in which a detector over the stream fired, and what it remembers",
      value: {
        _tag: "WindowEvaluated",
        model,
        version: "1",
        number: 8,
        window: { ...window, from: 2_005, to: 3_004 },
        reference,
        configuration: "b4".repeat(32),
        seed: 123_456_790,
        columns: [{ name: "distance", source: "input", kind: "numeric", nullRate: 0 }],
        tests: [
          {
            feature: "distance",
            test: "adwin",
            rows: 1_000,
            referenceRows: 1_000,
            statistic: 1,
            threshold: 1,
            firedAt: 544,
            drifted: true,
          },
        ],
        verdict: "drift",
        persistence: {
          recent: { '["distance","adwin"]': "1" },
          drifting: ['["distance","adwin"]'],
          began: ['["distance","adwin"]'],
          ended: [],
        },
        online: { "0 distance": "AAAAAAAA8D8AAAAAAAAAQA==" },
        at,
      },
    },
    {
      file: "window-1-joined",
      what: "a reference that the rows of a quiet window joined",
      value: {
        _tag: "ReferenceTaken",
        model,
        reference: "c5".repeat(32),
        rows: 1_000,
        origin: "reservoir of 1000 rows, up to position 3004",
        to: 3_004,
        position: 3_004,
        number: 8,
        cleared: [],
        carried: {
          persistence: { recent: {}, drifting: [], began: [], ended: [] },
          configuration: "b4".repeat(32),
          online: { "0 distance": "AAAAAAAA8D8=" },
        },
        at,
      },
    },
    {
      file: "window-1-reference",
      what: "a reference that was taken from the log",
      value: {
        _tag: "ReferenceTaken",
        model,
        reference,
        rows: 1_000,
        origin: "first 1000 rows",
        from: 1,
        to: 1_000,
        position: 1_000,
        number: 0,
        cleared: [],
        at,
      },
    },
  ],
}

export const driftFindingRecord: RecordKind<DriftFinding> = {
  name: "drift finding",
  format: FINDING_FORMAT,
  schema: DriftFinding,
  codec: driftFindingCodec,
  examples: [
    {
      file: "drift-1-detected",
      what: "drift of one feature",
      value: {
        _tag: "DriftDetected",
        id: "drift-detected-flights-2004-a3a3a3a3",
        model,
        version: "1",
        window,
        number: 7,
        reference,
        features: [
          {
            name: "distance",
            test: "ks-asymptotic",
            statistic: 0.31,
            pvalue: 1e-9,
            threshold: 0.005,
            effect: 0.31,
          },
        ],
        at,
      },
    },
    {
      file: "drift-1-cleared",
      what: "drift of a slice that is over",
      value: {
        _tag: "DriftCleared",
        id: "drift-cleared-flights-5004-a3a3a3a3",
        model,
        version: "1",
        window: { from: 4_001, to: 5_004, rows: 1_000, facts: 1_000, failed: 0 },
        number: 10,
        reference,
        features: [{ name: "distance", slice: { feature: "weekday", value: "3" } }],
        reason: "recovered",
        at,
      },
    },
  ],
}

export const markRecord: RecordKind<MarkSet> = {
  name: "mark",
  format: FINDING_FORMAT,
  schema: MarkSet,
  codec: markCodec,
  examples: [
    {
      file: "mark-1",
      what: "the end of a month",
      value: { _tag: "MarkSet", model, name: "end of January", position: 6_723, at },
    },
  ],
}

const bytes = (...numbers: ReadonlyArray<number>) => Uint8Array.from(numbers)

export const referenceRecord: RecordKind<DriftReference> = {
  name: "drift reference",
  format: REFERENCE_FORMAT,
  schema: DriftReference,
  codec: referenceCodec,
  examples: [
    {
      file: "drift-reference-1",
      what: "two rows of a number and a text, the second text missing",
      value: {
        model,
        origin: "first 2 rows",
        asked: '{"kind":"first","rows":2}',
        from: 1,
        to: 2,
        rows: 2,
        kept: 2,
        columns: [
          {
            name: "distance",
            source: "input",
            kind: "numeric",
            values: bytes(0, 0, 0, 0, 0, 0, 240, 63, 0, 0, 0, 0, 0, 0, 0, 64),
            texts: [],
          },
          {
            name: "origin",
            source: "input",
            kind: "categorical",
            values: bytes(0, 0, 0, 0, 255, 255, 255, 255),
            texts: ["ABQ"],
          },
        ],
      },
    },
  ],
}
