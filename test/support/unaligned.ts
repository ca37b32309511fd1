// Bytes as a message from the log has them: a part of a larger buffer that begins anywhere.
export const unaligned = (data: Uint8Array): Uint8Array => {
  const whole = Buffer.alloc(data.byteLength + 5, 0xff)
  whole.set(data, 3)
  return whole.subarray(3, 3 + data.byteLength)
}
