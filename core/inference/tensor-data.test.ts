import { expect, test } from "bun:test"
import { type Datatype, DATATYPES, ELEMENT_BYTES, type Tensor } from "#proto/tensor"
import { unaligned } from "../../test/support/unaligned.ts"
import * as Onnx from "./onnx-test-models.ts"
import { openSession } from "./session.ts"
import { encodeTexts } from "./string-elements.ts"
import { TensorUnreadable, toRuntime } from "./tensor-data.ts"

const hex = (text: string) => Uint8Array.from(Buffer.from(text, "hex"))

/** Three elements with extreme values; little-endian. */
const SAMPLES: Readonly<Record<Datatype, Uint8Array>> = {
  BOOL: hex("010001"),
  UINT8: hex("00ff7f"),
  UINT16: hex("0000ffff0180"),
  UINT32: hex("00000000ffffffff01000080"),
  UINT64: hex("0000000000000000ffffffffffffffff0100000000002000"),
  INT8: hex("80ff7f"),
  INT16: hex("0080ffffff7f"),
  INT32: hex("00000080ffffffffffffff7f"),
  INT64: hex("0000000000000080ffffffffffffffff0100000000002000"),
  FP16: hex("003c007e0100"),
  FP32: hex("0000803f0000c07f01000000"),
  FP64: hex("000000000000f03f000000000000f87f0100000000000000"),
  BYTES: encodeTexts(["", "grün", "\u{1F600}"]),
}

test.each(DATATYPES.map((datatype) => [datatype]))(
  "%s passes through the runtime unchanged, wherever its bytes lie",
  async (datatype) => {
    const session = await openSession(Onnx.identity(Onnx.ELEMENT[datatype]), () => 0)
    const data = unaligned(SAMPLES[datatype])
    const before = data.slice()
    const { outputs } = await session.run([{ name: "x", datatype, shape: [3], data }])
    expect(outputs).toEqual([{ name: "y", datatype, shape: [3], data: before }])
    expect(data).toEqual(before)
    await session.release()
  },
)

test.each(DATATYPES.map((datatype) => [datatype]))("an empty %s stays empty", async (datatype) => {
  const session = await openSession(Onnx.identity(Onnx.ELEMENT[datatype]), () => 0)
  const input: Tensor = { name: "x", datatype, shape: [0], data: new Uint8Array() }
  const { outputs } = await session.run([input])
  expect(outputs).toEqual([{ ...input, name: "y" }])
  await session.release()
})

const bytes = (data: Uint8Array): Tensor => ({ name: "x", datatype: "BYTES", shape: [1], data })

test.each<[string, Tensor, string]>([
  ["too few bytes", { name: "x", datatype: "FP32", shape: [2], data: hex("00000000") }, "8 bytes"],
  ["a shape past all memory", { ...bytes(hex("")), shape: [2 ** 40, 2 ** 40] }, "element 0"],
  ["invalid UTF-8", bytes(hex("02000000c328")), "valid UTF-8"],
  ["a length past the end", bytes(hex("ffffffff61")), "4294967295 bytes"],
  ["bytes left over", bytes(hex("010000006161")), "1 bytes more"],
  ["a text that the runtime would cut", bytes(hex("03000000610062")), "NUL"],
  ["a BOOL that is neither", { name: "x", datatype: "BOOL", shape: [1], data: hex("02") }, "BOOL"],
])("%s is refused", (_, tensor, reason) => {
  expect(() => toRuntime(tensor)).toThrow(TensorUnreadable)
  expect(() => toRuntime(tensor)).toThrow(reason)
})

test("every datatype but BYTES has a size", () => {
  expect(DATATYPES.filter((datatype) => ELEMENT_BYTES[datatype] === 0)).toEqual(["BYTES"])
})
