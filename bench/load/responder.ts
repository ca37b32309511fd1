// Answers requests over core NATS with what it was sent, as a process of its own: `NATS_URL` names
// the server, `BENCH_SUBJECT` what it listens to. Says when it listens.
import { connectNats } from "#core/log/connection"

const connection = await connectNats({
  servers: process.env["NATS_URL"] ?? "nats://127.0.0.1:4222",
  name: "weir-bench-responder",
})
connection.subscribe(process.env["BENCH_SUBJECT"] ?? "bench", {
  callback: (error, message) => {
    if (error === null) message.respond(message.data)
  },
})
await connection.flush()
console.log("listening")
