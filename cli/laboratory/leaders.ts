// Faults of a cluster: the leader of the streams that requests live on is killed, or steps down.
import { PREDICTIONS, REQUESTS } from "#proto/subjects"
import { killFault, type Fault } from "./nemesis.ts"
import type { Laboratory } from "./system.ts"

const KILLS = 5
const STEP_DOWNS = 5
const ASK_WAIT_MILLIS = 5_000

const leaderOf = async ({ log }: Laboratory, stream: string): Promise<string | undefined> => {
  const info = await log.manager.streams.info(stream).catch(() => undefined)
  return info?.cluster?.leader
}

const killLeader = (laboratory: Laboratory, stream: string): Fault => ({
  kind: `leader of ${stream}`,
  strike: async () => {
    const leader = await leaderOf(laboratory, stream)
    const member = laboratory.broker.members.find(({ name }) => name === leader)
    return killFault("leader", () => member?.supervisor).strike()
  },
})

const stepDown = ({ log }: Laboratory, stream: string): Fault => ({
  kind: `step-down of ${stream}`,
  strike: async () => {
    try {
      const subject = `$JS.API.STREAM.LEADER.STEPDOWN.${stream}`
      const answer = await log.connection.request(subject, "", { timeout: ASK_WAIT_MILLIS })
      return answer.string().includes('"success":true')
    } catch {
      return false
    }
  },
})

/** Kills and step-downs, in turn of the queue and of the hot log. */
export const leaderFaults = (laboratory: Laboratory, share: number): ReadonlyArray<Fault> => {
  const streamAt = (index: number) => (index % 2 === 0 ? REQUESTS : PREDICTIONS)
  const times = (count: number, fault: (index: number) => Fault) =>
    Array.from({ length: Math.max(1, Math.round(count * share)) }, (_, index) => fault(index))
  return [
    ...times(KILLS, (index) => killLeader(laboratory, streamAt(index))),
    ...times(STEP_DOWNS, (index) => stepDown(laboratory, streamAt(index))),
  ]
}
