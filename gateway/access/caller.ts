// Who asks, and what that lets them see. Without keys everybody is the same nameless caller who may
// do everything.
import type { Key } from "#core/access/access"
import type { Scope } from "#proto/access"

/**
 * What a route asks of its caller: nothing, any valid key, a scope, or (`result`) the right to
 * predict or to read: whose result it is decides the rest.
 */
export type Access = "open" | "key" | "result" | "metrics" | Scope

export interface Caller {
  /** Stands in each fact; part of the scope of idempotency keys. */
  readonly name: string | undefined
  /** Whether it may see every result, or only its own. */
  readonly readsAll: boolean
  /** Takes one more request off its rate; seconds until there is room where there is none. */
  readonly takeMore: () => number | undefined
  /**
   * Calls back when the key does not let its caller in any more, at once where that is so already;
   * returns what ends the wait.
   */
  readonly onRevoked: (listener: () => void) => () => void
}

export const ANYONE: Caller = {
  name: undefined,
  readsAll: true,
  takeMore: () => undefined,
  onRevoked: () => () => undefined,
}

export const callerOf = (
  { name, scopes }: Key,
  { takeMore, onRevoked }: Pick<Caller, "takeMore" | "onRevoked">,
): Caller => ({ name, readsAll: scopes.includes("read"), takeMore, onRevoked })

/** Whether a result that `owner` asked for is the caller's to see. */
export const maySee = ({ name, readsAll }: Caller, owner: string | undefined): boolean =>
  readsAll || (name !== undefined && name === owner)

/** Whether the scopes of a key are enough for a route. */
export const suffices = (scopes: ReadonlyArray<Scope>, access: Access): boolean => {
  switch (access) {
    case "open":
    case "key":
      return true
    case "result":
      return scopes.includes("predict") || scopes.includes("read")
    case "metrics":
      return scopes.includes("operate")
    default:
      return scopes.includes(access)
  }
}
