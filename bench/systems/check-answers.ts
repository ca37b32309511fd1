// Before anything is measured, every answer is held against ONNX Runtime's own, many at a time, so
// that rows that were mixed up in a batch show.
import type { HttpAnswer } from "../load/http-answer.ts"
import { HttpCaller } from "../load/http-caller.ts"
import type { HttpTarget } from "../load/plan.ts"
import type { Question, Row } from "./iris.ts"

const AT_ONCE = 16
const ROUNDS = 2
/** A proxy that is set up anew closes connections, which says nothing of the answers. */
const LOST_MAX = 8
/** Another version of the runtime, another size of batch: the last digits of a float differ. */
const TOLERANCE = 1e-4

/** The probabilities in an answer; throws for what it cannot read. */
export type ReadAnswer = (body: string) => ReadonlyArray<Row>

const askOnce = (caller: HttpCaller, index: number): Promise<HttpAnswer | string> => {
  const { promise, resolve } = Promise.withResolvers<HttpAnswer | string>()
  caller.ask(index, resolve)
  return promise
}

const wrongness = (
  read: ReadAnswer,
  answer: HttpAnswer | string,
  { probabilities }: Question,
): string | undefined => {
  if (typeof answer === "string") return answer
  const { status, body } = answer
  if (status !== 200) return `status ${status}: ${body.slice(0, 200)}`
  let got: ReadonlyArray<Row>
  try {
    got = read(body)
  } catch (cause) {
    return `${cause instanceof Error ? cause.message : String(cause)} in ${body.slice(0, 200)}`
  }
  const wanted = probabilities.flat()
  const values = got.flat()
  const isRight =
    values.length === wanted.length &&
    values.every((value, at) => Math.abs(value - (wanted[at] ?? Number.NaN)) <= TOLERANCE)
  return isRight ? undefined : `expected ${wanted.slice(0, 6)}, got ${values.slice(0, 6)}`
}

/** Asks every question twice; throws at the first wrong answer. Resolves with their number. */
export const checkAnswers = async (
  name: string,
  target: HttpTarget,
  questions: ReadonlyArray<Question>,
  read: ReadAnswer,
): Promise<number> => {
  const caller = new HttpCaller(target, true)
  const total = questions.length * ROUNDS
  let next = 0
  const ask = async (): Promise<void> => {
    while (next < total) {
      const index = next++
      const question = questions[index % questions.length]
      let answer = await askOnce(caller, index)
      for (let lost = 0; typeof answer === "string" && lost < LOST_MAX; lost++)
        answer = await askOnce(caller, index)
      const wrong = question === undefined ? "no question" : wrongness(read, answer, question)
      if (wrong !== undefined) throw new Error(`${name} answers wrongly: ${wrong}`)
    }
  }
  try {
    await Promise.all(Array.from({ length: AT_ONCE }, ask))
  } finally {
    await caller.close()
  }
  return total
}
