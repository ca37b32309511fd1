// What the services say when they are started with settings that cannot be used, as real processes.
import { expect, test } from "bun:test"
import { freePorts } from "../../test/support/nats-server.ts"
import { inProject } from "../project.ts"

const SERVICES = ["gateway", "predictor", "drift-monitor"]
/** A process that starts on a busy machine, three times. */
const START_WAIT_MILLIS = 60_000

const run = (
  name: string,
  environment: Readonly<Record<string, string>>,
  flags: ReadonlyArray<string> = [],
) => {
  const ended = Bun.spawnSync([process.execPath, inProject("cli", "main.ts"), name, ...flags], {
    env: { ...process.env, ...environment },
  })
  return { code: ended.exitCode, said: ended.stdout.toString() + ended.stderr.toString() }
}

test.each(SERVICES)(
  "%s never prints the password in NATS_URL",
  (name) => {
    const [port = 0] = freePorts(1)
    const { code, said } = run(name, { NATS_URL: `nats://u:secretpw@127.0.0.1:${port}` })
    expect(said).toContain("starting")
    expect(said).toContain(`no NATS server answers at nats://***@127.0.0.1:${port}`)
    expect(said).not.toContain("secretpw")
    expect(code).toBe(1)
  },
  START_WAIT_MILLIS,
)

test.each(SERVICES)(
  "%s refuses an address of another kind by name, and without its password",
  (name) => {
    const { code, said } = run(name, { NATS_URL: "http://u:secretpw@x" })
    expect(said).toContain("NATS_URL: expected nats://host:port")
    expect(said).toContain('got "http://***@x"')
    expect(said).not.toContain("secretpw")
    expect(code).toBe(2)
  },
  START_WAIT_MILLIS,
)

test.each(SERVICES)(
  "%s takes settings as flags, which win, and refuses unknown ones by name",
  (name) => {
    const [port = 0] = freePorts(1)
    const environment = { NATS_URL: "nats://127.0.0.1:1", WEIR_MAX_ACK_PENDING: "no number" }
    const flags = ["--nats", `nats://127.0.0.1:${port}`, "--max-ack-pending=77"]
    const { code, said } = run(name, environment, flags)
    expect(said).toContain(`no NATS server answers at nats://127.0.0.1:${port}`)
    expect(said).toMatch(/WEIR_MAX_ACK_PENDING"?[:=] ?"?77/)
    expect(code).toBe(1)
    const wrong = run(name, {}, ["--prot", "8080"])
    expect(wrong.said).toContain("'--prot'")
    expect(wrong.code).toBe(2)
    const help = run(name, {}, ["--help"])
    expect(help.said).toMatch(/^ {2}--nats VALUE +Servers of NATS/m)
    // Two settings with one flag would leave one of them without.
    expect(help.said).not.toContain("--undefined")
    expect(help.code).toBe(0)
  },
  START_WAIT_MILLIS,
)

test.each(SERVICES)(
  "%s ends with 2 when its settings contradict one another",
  (name) => {
    const { code, said } = run(name, { NATS_URL: "", WEIR_MAX_DELIVERIES: "2" })
    expect(said).toContain("WEIR_MAX_DELIVERIES: expected more than the")
    expect(code).toBe(2)
  },
  START_WAIT_MILLIS,
)
