// For whoever shows what is stored, rather than acts on it: a message that cannot be read is a
// finding of its own there, and must not hide the others.
import { UnreadableRecord } from "#proto/message-pack"

export type Readable<A> =
  | { readonly kind: "read"; readonly value: A }
  | { readonly kind: "unreadable"; readonly reason: string }

/** What a codec reads, or why it cannot. */
export const readable = <A>(
  codec: { readonly decode: (bytes: Uint8Array) => A },
  data: Uint8Array,
): Readable<A> => {
  try {
    return { kind: "read", value: codec.decode(data) }
  } catch (cause) {
    if (!(cause instanceof UnreadableRecord)) throw cause
    return { kind: "unreadable", reason: cause.message }
  }
}
