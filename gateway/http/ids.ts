// New ids for requests without a key. Random bytes are drawn in blocks, one system call for many
// requests, and none of them is used twice.
import { ID_RANDOM_BYTES, timeOrderedId } from "#proto/ids"

const IDS_PER_BLOCK = 512

const block = new Uint8Array(ID_RANDOM_BYTES * IDS_PER_BLOCK)
let used = block.byteLength

/** A new time-ordered id for `nowMillis` since 1970. */
export const newId = (nowMillis: number): string => {
  if (used === block.byteLength) {
    crypto.getRandomValues(block)
    used = 0
  }
  const from = used
  used += ID_RANDOM_BYTES
  return timeOrderedId(nowMillis, block, from)
}
