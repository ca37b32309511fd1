// How a process begins and ends: its layers are built, it runs until it is told to stop, its
// resources are released in reverse order, and it exits 0 after a clean stop, 2 when its settings
// contradict one another, or 1, with one sentence about what went wrong.
import { Cause, Effect, Exit, Layer, Runtime, type Scope } from "effect"
import { reasonOf, type Logger } from "./logger.ts"
import { BAD_SETTINGS_EXIT_CODE, SettingsInvalid } from "./settings.ts"

const runUntilSignal = Runtime.makeRunMain(({ fiber, teardown }) => {
  const stop = () => fiber.interruptUnsafe()
  process.once("SIGINT", stop)
  process.once("SIGTERM", stop)
  fiber.addObserver((exit) => teardown(exit, (code) => process.exit(code)))
})

/** Runs the service until SIGINT or SIGTERM, or until a part of it fails. */
export const runMain = <E>(service: Layer.Layer<never, E>, logger: Logger): void => {
  const teardown: Runtime.Teardown = (exit, onExit) => {
    if (Exit.isSuccess(exit) || Cause.hasInterruptsOnly(exit.cause)) {
      onExit(0)
      return
    }
    const cause = Cause.squash(exit.cause)
    logger.error(reasonOf(cause))
    onExit(cause instanceof SettingsInvalid ? BAD_SETTINGS_EXIT_CODE : 1)
  }
  service.pipe(Layer.launch, (program: Effect.Effect<never, E>) =>
    runUntilSignal(program, { teardown, disableErrorReporting: true }),
  )
}

/** Runs `start` when the layer is built and `stop` when it is released; `stop` is waited for. */
export const resource = <A>(
  start: () => Promise<A>,
  stop: (value: A) => Promise<unknown>,
): Effect.Effect<A, unknown, Scope.Scope> =>
  Effect.acquireRelease(Effect.tryPromise({ try: start, catch: (cause) => cause }), (value) =>
    Effect.promise(() => stop(value)),
  )
