// Before anything is measured, every answer is held against ONNX Runtime's own, many at a time, so
// that rows that were mixed up in a batch show.
import { HttpCaller } from "../load/http-caller.ts"
import type { HttpTarget } from "../load/plan.ts"
import type { Question, Row } from "./iris.ts"

const AT_ONCE = 16
const ROUNDS = 2
/** Another version of the runtime, another size of batch: the last digits of a float differ. */
const TOLERANCE = 1e-4

/** The probabilities in an answer; throws for what it cannot read. */
export type ReadAnswer = (body: string) => ReadonlyArray<Row>

const wrongness = (
  read: ReadAnswer,
  body: string,
  { probabilities }: Question,
): string | undefined => {
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
      const { promise, resolve } = Promise.withResolvers<string | undefined>()
      caller.ask(index, (answer) => {
        if (typeof answer === "string") resolve(answer)
        else if (answer.status !== 200)
          resolve(`status ${answer.status}: ${answer.body.slice(0, 200)}`)
        else if (question !== undefined) resolve(wrongness(read, answer.body, question))
      })
      const wrong = await promise
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
