// What the server says of the queue of requests, in one look. It reads and changes nothing.
import type { Log } from "#core/log/log"
import { PREDICTOR, REQUESTS } from "#proto/subjects"

export interface QueueLook {
  readonly messages: number
  readonly firstSequence: number
  readonly lastSequence: number
  /** Not delivered yet; delivered and not finished. */
  readonly pending: number
  readonly ackPending: number
  /** Neither: nobody will deliver them any more. */
  readonly parked: number
  /** Deliveries so far, each repetition counted. */
  readonly deliveries: number
  /** Pulls of predictors that wait on the server. */
  readonly waitingPulls: number
}

/** The figures of stream and consumer are of two moments: under load `parked` can be off. */
export const lookAtQueue = async ({ manager }: Log): Promise<QueueLook> => {
  const consumer = await manager.consumers.info(REQUESTS, PREDICTOR)
  const { state } = await manager.streams.info(REQUESTS)
  const { num_pending: pending, num_ack_pending: ackPending } = consumer
  return {
    messages: state.messages,
    firstSequence: state.first_seq,
    lastSequence: state.last_seq,
    pending,
    ackPending,
    parked: state.messages - pending - ackPending,
    deliveries: consumer.delivered.consumer_seq,
    waitingPulls: consumer.num_waiting,
  }
}
