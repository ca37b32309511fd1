// An HTTP server of our framework that does nothing with what it is sent, as a process of its own:
// the ceiling of everything behind it. Prints its URL.
import { Elysia } from "elysia"

const ANSWER = JSON.stringify({ predictions: [0], probabilities: [[0.98, 0.02, 0]] })
const headers = { "Content-Type": "application/json" }

const app = new Elysia().post(
  "/predict",
  async ({ request }) => {
    await request.text()
    return new Response(ANSWER, { headers })
  },
  { parse: "none" },
)
app.listen({ hostname: "127.0.0.1", port: 0 })
console.log(`http://127.0.0.1:${app.server?.port}/predict`)
