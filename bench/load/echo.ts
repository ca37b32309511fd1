// The cheapest server there is, as a process of its own: what a generator reaches against it is the
// generator's own ceiling. Prints its URL.
const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  fetch: async (request) => new Response(await request.text()),
})
console.log(`http://127.0.0.1:${server.port}/`)
