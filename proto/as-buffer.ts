// Bytes as the runtime's own buffer, which reads text where it stands.

/** The same bytes, not a copy; what comes from a socket is one already. */
export const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
