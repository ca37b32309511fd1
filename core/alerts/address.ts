// Which addresses of the Internet are public. What is not plainly public is refused, also what only
// leads somewhere else (6to4, NAT64, Teredo, mapped): the list follows IANA's special-purpose
// registries. It resolves nothing.
import { isIPv4, isIPv6 } from "node:net"

type Block = readonly [network: string, bits: number]

const SPECIAL_IPV4: ReadonlyArray<Block> = [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  // Serves machine credentials at one cloud provider, though it looks public.
  ["168.63.129.16", 32],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.31.196.0", 24],
  ["192.52.193.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["192.175.48.0", 24],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  // Multicast, reserved, broadcast.
  ["224.0.0.0", 3],
]

/**
 * Only global unicast can be public: this alone refuses ::, ::1, mapped, compatible, NAT64, local
 * and multicast.
 */
const GLOBAL_UNICAST: Block = ["2000::", 3]
const SPECIAL_IPV6: ReadonlyArray<Block> = [
  // Teredo, benchmarking, ORCHID and other protocol assignments.
  ["2001::", 23],
  ["2001:db8::", 32],
  ["2002::", 16],
  ["2620:4f:8000::", 48],
  ["3fff::", 20],
]

const BYTE_BITS = 8
const GROUP_BITS = 16
const GROUPS = 8

const ipv4Bits = (address: string): bigint =>
  address.split(".").reduce((bits, part) => (bits << BigInt(BYTE_BITS)) | BigInt(part), 0n)

const groupsOf = (part: string): ReadonlyArray<number> =>
  part === "" ? [] : part.split(":").map((group) => Number.parseInt(group, 16))

/** A dotted tail as two groups, so that only groups remain. */
const withoutDots = (address: string): string => {
  const tail = /(\d+\.\d+\.\d+\.\d+)$/.exec(address)?.[1]
  if (tail === undefined) return address
  const bits = Number(ipv4Bits(tail))
  const groups = `${Math.floor(bits / 65_536).toString(16)}:${(bits % 65_536).toString(16)}`
  return address.slice(0, -tail.length) + groups
}

const ipv6Bits = (address: string): bigint => {
  const [head = "", tail] = withoutDots(address).split("::")
  const first = groupsOf(head)
  const last = tail === undefined ? [] : groupsOf(tail)
  const zeros = Array.from({ length: GROUPS - first.length - last.length }, () => 0)
  return [...first, ...zeros, ...last].reduce(
    (bits, group) => (bits << BigInt(GROUP_BITS)) | BigInt(group),
    0n,
  )
}

const within = (bits: bigint, width: number, network: bigint, length: number): boolean => {
  const rest = BigInt(width - length)
  return bits >> rest === network >> rest
}

const isPublicIpv4 = (address: string): boolean => {
  const bits = ipv4Bits(address)
  return !SPECIAL_IPV4.some(([network, length]) => within(bits, 32, ipv4Bits(network), length))
}

const isPublicIpv6 = (address: string): boolean => {
  const bits = ipv6Bits(address)
  const inside = ([network, length]: Block) => within(bits, 128, ipv6Bits(network), length)
  return inside(GLOBAL_UNICAST) && !SPECIAL_IPV6.some(inside)
}

/**
 * Whether a numeric address may be contacted on behalf of somebody who is not the operator; false
 * for what is none.
 */
export const isPublicAddress = (address: string): boolean => {
  if (isIPv4(address)) return isPublicIpv4(address)
  // A zone ("%eth0") only makes sense on a link.
  return isIPv6(address) && !address.includes("%") && isPublicIpv6(address)
}
