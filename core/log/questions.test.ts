// Questions beside the log: to several, to nobody, and to some who do not answer.
import { afterAll, beforeAll, expect, test } from "bun:test"
import { startNats, type TestServer } from "../../test/support/nats-server.ts"
import { closeLog, openLog, type Log } from "./log.ts"
import { answerAll, askAll } from "./questions.ts"

const START_MILLIS = 30_000
/** Never waited for where a test passes. */
const LONG_MILLIS = 20_000

let nats: TestServer
let asker: Log
let answerers: ReadonlyArray<Log>
const open = () => openLog({ servers: nats.url, name: "questions test" })

beforeAll(async () => {
  nats = await startNats()
  asker = await open()
  answerers = await Promise.all([open(), open(), open()])
}, START_MILLIS)
afterAll(async () => {
  await Promise.all([asker, ...answerers].map(closeLog))
  await nats.stop()
}, START_MILLIS)

const text = (data: Uint8Array) => Buffer.from(data).toString()
const answering = async (subject: string, answer: (at: number) => Promise<string>) => {
  const failures: Array<unknown> = []
  const endings = answerers.map((log, at) =>
    answerAll(
      log,
      subject,
      async (question) => Buffer.from(`${text(question)} ${await answer(at)}`),
      (cause) => failures.push(cause),
    ),
  )
  await Promise.all(answerers.map(({ connection }) => connection.flush()))
  return { failures, end: () => endings.forEach((end) => end()) }
}
const ask = async (subject: string, wanted: number) => {
  const answers: Array<string> = []
  await askAll(asker, subject, Buffer.from("who"), {
    waitMillis: LONG_MILLIS,
    onAnswer: (data) => answers.push(text(data)) < wanted,
  })
  return answers.toSorted()
}

test("everybody who listens answers, and no more are waited for than are wanted", async () => {
  await answering("test.all", async (at) => `${at}`)
  expect(await ask("test.all", 3)).toEqual(["who 0", "who 1", "who 2"])
  expect((await ask("test.all", 1)).length).toBe(1)
})

test("a question to nobody ends at once", async () => {
  expect(await ask("test.nobody", 1)).toEqual([])
  const { end } = await answering("test.ended", async () => "late")
  end()
  await Promise.all(answerers.map(({ connection }) => connection.flush()))
  expect(await ask("test.ended", 1)).toEqual([])
})

test("who fails gives no answer, and quiet after one ends the wait", async () => {
  const { failures } = await answering("test.some", async (at) => {
    if (at > 0) throw new Error("no answer")
    return `${at}`
  })
  const answers: Array<string> = []
  await askAll(asker, "test.some", Buffer.from("who"), {
    waitMillis: LONG_MILLIS,
    quietMillis: () => 50,
    onAnswer: (data) => answers.push(text(data)) > 0,
  })
  expect(answers).toEqual(["who 0"])
  expect(failures.length).toBe(2)
})
