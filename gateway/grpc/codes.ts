// From what went wrong to gRPC status codes: by the HTTP status that the one table of cases gives
// it, so that a new case is answered by both in the same way.
import { status } from "@grpc/grpc-js"
import { CASES, type ErrorCase } from "../http/status.ts"

type HttpStatus = (typeof CASES)[ErrorCase]["status"]

export const CODES: Readonly<Record<HttpStatus, status>> = {
  400: status.INVALID_ARGUMENT,
  401: status.UNAUTHENTICATED,
  403: status.PERMISSION_DENIED,
  404: status.NOT_FOUND,
  405: status.UNIMPLEMENTED,
  408: status.DEADLINE_EXCEEDED,
  410: status.NOT_FOUND,
  413: status.RESOURCE_EXHAUSTED,
  415: status.INVALID_ARGUMENT,
  422: status.FAILED_PRECONDITION,
  429: status.RESOURCE_EXHAUSTED,
  500: status.INTERNAL,
  501: status.UNIMPLEMENTED,
  503: status.UNAVAILABLE,
  504: status.DEADLINE_EXCEEDED,
}

const codes: ReadonlyMap<string, status> = new Map(Object.entries(CODES))

/** The code that stands for an HTTP status of the table. */
export const codeOf = (http: number): status => codes.get(`${http}`) ?? status.INTERNAL

/** `OK`, `NOT_FOUND` and so on. */
export const nameOfCode = (code: status): string => status[code] ?? "UNKNOWN"
