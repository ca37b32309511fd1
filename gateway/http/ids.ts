// New ids for requests without a key. Random bytes are drawn in blocks: one system call serves
// hundreds of requests.
import { timeOrderedId } from "#proto/ids"

const RANDOM_BYTES_PER_ID = 10
const IDS_PER_BLOCK = 512

let block = new Uint8Array(0)
let used = 0

/** A new time-ordered id for `nowMillis` since 1970. */
export const newId = (nowMillis: number): string => {
  if (used + RANDOM_BYTES_PER_ID > block.byteLength) {
    block = crypto.getRandomValues(new Uint8Array(RANDOM_BYTES_PER_ID * IDS_PER_BLOCK))
    used = 0
  }
  const random = block.subarray(used, used + RANDOM_BYTES_PER_ID)
  used += RANDOM_BYTES_PER_ID
  return timeOrderedId(nowMillis, random)
}
