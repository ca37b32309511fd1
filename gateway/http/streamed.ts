// When the body of an answer ends that is still being written after its head was sent. It keeps
// nothing of an answer that nobody holds any more.

const ends = new WeakMap<Response, Promise<void>>()

/** `end` resolves with the last of the body, or when its reader has gone; it never rejects. */
export const endsLater = (response: Response, end: Promise<void>): Response => {
  ends.set(response, end)
  return response
}

/** Undefined where the body stood when the answer was made. */
export const endOf = (response: Response): Promise<void> | undefined => ends.get(response)
