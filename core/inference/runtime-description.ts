// Names what makes the floats of a run reproducible: the runtime and its version, the platform, the
// CPU's features. It reads nothing itself.
import { env } from "onnxruntime-node"

/** Features that choose between the runtime's kernels; x64 names, then arm64 names. */
const TELLING_FEATURES = [
  "sse4_1",
  "avx",
  "avx2",
  "fma",
  "f16c",
  "avx512f",
  "avx512_vnni",
  "avx512_bf16",
  "avx_vnni",
  "amx_int8",
  "amx_bf16",
  "asimd",
  "asimdhp",
  "asimddp",
  "i8mm",
  "bf16",
  "sve",
  "sve2",
  "sme",
]

/**
 * For example "onnxruntime-node 1.30.0 linux-x64 avx,avx2,fma". `cpuInfo` is the text of
 * /proc/cpuinfo, where there is one; without it the features are "unknown".
 */
export const runtimeDescription = (cpuInfo?: string): string => {
  const version = env.versions.node ?? env.versions.common
  const listed = /^(?:flags|Features)\s*:\s*(.*)$/m.exec(cpuInfo ?? "")?.[1]
  const present = new Set(listed?.split(/\s+/))
  const features = TELLING_FEATURES.filter((feature) => present.has(feature)).join(",")
  return `onnxruntime-node ${version} ${process.platform}-${process.arch} ${features || "unknown"}`
}
