// The outcome of a suite as the JSON that Great Expectations writes, of 0.x or 1.x after the suite.
import type { ExpectationResult, Failure, SuiteResult } from "./evaluate.ts"
import type { SuiteVersion } from "./check.ts"

const NO_EXCEPTION = {
  raised_exception: false,
  exception_traceback: null,
  exception_message: null,
} as const

const raised = (message: string) => ({
  exception_traceback: message,
  exception_message: message,
  raised_exception: true,
})

/** What the tool calls a metric of a column. */
const metricId = (metric: string, column: string | undefined, version: SuiteVersion): string => {
  const domain = column === undefined ? "()" : `'column=${column}'`
  return version === 1
    ? `MetricConfigurationID(metric_name='${metric}', metric_domain_kwargs_id=${domain}, ` +
        "metric_value_kwargs_id=())"
    : `('${metric}', ${domain}, ())`
}

const exceptionInfo = (failure: Failure | undefined, version: SuiteVersion): unknown => {
  if (failure === undefined) return NO_EXCEPTION
  const { metrics, column, message } = failure
  if (metrics.length === 0) return raised(message)
  return Object.fromEntries(
    metrics.map((metric) => [metricId(metric, column, version), raised(message)]),
  )
}

const resultJson = (one: ExpectationResult, version: SuiteVersion) => {
  const { type, kwargs, meta, id, severity } = one.entry
  const config =
    version === 0
      ? { expectation_type: type, kwargs, meta }
      : {
          type,
          kwargs,
          meta,
          ...(id === undefined ? {} : { id }),
          ...(severity === undefined ? {} : { severity }),
        }
  return {
    success: one.success,
    expectation_config: config,
    result: one.result,
    meta: {},
    exception_info: exceptionInfo(one.failure, version),
  }
}

/**
 * The whole result; dates are text, and what Python writes as NaN is null. It may hold infinities:
 * write it with `writeToolJson`.
 */
export const gxJson = (outcome: SuiteResult) => {
  const { suite, success, results, evaluated, successful } = outcome
  const statistics = {
    evaluated_expectations: evaluated,
    successful_expectations: successful,
    unsuccessful_expectations: evaluated - successful,
    success_percent: evaluated === 0 ? null : (successful / evaluated) * 100,
  }
  const listed = results.map((one) => resultJson(one, suite.version))
  const toolVersion = suite.meta["great_expectations_version"] ?? null
  if (suite.version === 0)
    return {
      success,
      results: listed,
      evaluation_parameters: suite.parameters,
      statistics,
      meta: { great_expectations_version: toolVersion, expectation_suite_name: suite.name },
    }
  return {
    success,
    results: listed,
    suite_name: suite.name,
    suite_parameters: suite.parameters,
    statistics,
    meta: { great_expectations_version: toolVersion },
    id: null,
  }
}
