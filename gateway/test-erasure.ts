// Erases a fact for tests of this folder, as `weir erase` does: recorded first, then from both
// logs.
import { eraseMessage } from "#core/log/erase"
import { recordErasure } from "#core/log/erasures"
import { findHot, historyAt } from "#core/log/find"
import { historyStatus } from "#core/log/history"
import type { Log } from "#core/log/log"
import { HISTORY, PREDICTIONS } from "#proto/subjects"
import { until } from "../test/support/eventually.ts"

/** Resolves with the position that the fact had in the hot log. */
export const eraseFact = async (log: Log, model: string, id: string): Promise<number> => {
  await until("all is copied", async () => (await historyStatus(log, 1)).lag === 0)
  const [hot] = await findHot(log, id, model)
  const copy = hot && (await historyAt(log, hot.position))
  if (hot === undefined || copy === undefined) throw new Error(`${id} is not in both logs`)
  const { position } = hot
  const what = { _tag: "Erased", model, id, positions: [position], deadLetters: [] } as const
  await recordErasure(log, { ...what, by: "test", at: Date.now() })
  await eraseMessage(log, PREDICTIONS, position)
  await eraseMessage(log, HISTORY, copy.message.sequence)
  return position
}
